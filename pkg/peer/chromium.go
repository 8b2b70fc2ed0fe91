package peer

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserPatience bounds every answer of the browser, its start included.
const browserPatience = 60 * time.Second

// A Browser is a real chromium without a window, with a profile of its own and
// no way out of this machine.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// Chromium starts a browser that ends with the test, or skips the test.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Need(t, "chromium", "chromium")), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(browserPatience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // it waits for the end of the process
		cancel()
		cancelAllocator()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("cannot start chromium: %v", err)
	}
	return &Browser{t: t, ctx: ctx}
}

// A BrowserPage is one tab. Its methods fail the test by themselves.
type BrowserPage struct {
	t   testing.TB
	ctx context.Context

	mu      sync.Mutex
	dialogs []string
	errors  []string
}

// Page opens an empty tab of that size in CSS pixels; scheme is "light" or
// "dark", the colours that its user prefers.
func (b *Browser) Page(width, height int, scheme string) *BrowserPage {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	p := &BrowserPage{t: b.t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.event); err != nil {
		b.t.Fatalf("cannot open a tab of chromium: %v", err)
	}
	var mobile []chromedp.EmulateViewportOption
	if width < 600 {
		mobile = append(mobile, chromedp.EmulateMobile)
	}
	p.do(chromedp.EmulateViewport(int64(width), int64(height), mobile...))
	call(p, page.Enable, page.EnableParams{})
	call(p, runtime.Enable, cdp.Empty{})
	call(p, cdplog.Enable, cdp.Empty{})
	p.media("screen", scheme)
	return p
}

// do carries out actions that give nothing back.
func (p *BrowserPage) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatalf("chromium: %v", err)
	}
}

// call carries out one command of the protocol.
func call[P, R any](p *BrowserPage, command cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		p.t.Fatalf("chromium: %s: %v", command.Method, err)
	}
	return result
}

func (p *BrowserPage) media(medium, scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// Print shows the page as it goes to paper.
func (p *BrowserPage) Print() {
	p.t.Helper()
	p.media("print", "light")
}

// WithoutScript turns JavaScript of the page off, before Open.
func (p *BrowserPage) WithoutScript() {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Open goes to the address and waits until it has loaded.
func (p *BrowserPage) Open(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// Eval runs an expression in the page, awaits it when it is a promise, and
// decodes its JSON into into, which may be nil.
func (p *BrowserPage) Eval(expression string, into any) {
	p.t.Helper()
	yes := true
	got := call(p, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, ReturnByValue: &yes, AwaitPromise: &yes})
	if e := got.ExceptionDetails; e != nil {
		p.t.Fatalf("%s: %s", expression, describe(e))
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(got.Result.Value, into); err != nil {
		p.t.Fatalf("%s gave %s: %v", expression, got.Result.Value, err)
	}
}

func describe(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.Text
	}
	return e.Text + " " + e.Exception.Description
}

// WaitFor waits until the condition holds in the page, looking 50 times a
// second.
func (p *BrowserPage) WaitFor(condition string) {
	p.t.Helper()
	var held bool
	p.Eval(fmt.Sprintf(`new Promise(done => {
		const end = Date.now() + %d;
		const look = () => (%s) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 20);
		look();
	})`, browserPatience.Milliseconds()/2, condition), &held)
	if !held {
		p.t.Fatalf("the page never came to %s", condition)
	}
}

// LeadsTo runs a script that leads to another page, such as one that submits a
// form, and waits until the condition holds there. A page that is being left has
// no answer to it.
func (p *BrowserPage) LeadsTo(script, condition string) {
	p.t.Helper()
	p.Eval(`setTimeout(() => { `+script+` }, 0)`, nil)
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	yes := true
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		got, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: condition, ReturnByValue: &yes})
		if err == nil && got.ExceptionDetails == nil && string(got.Result.Value) == "true" {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			p.t.Fatalf("the page never came to %s", condition)
		}
	}
}

// Screenshot writes the whole page, not only what fits the window, as PNG.
func (p *BrowserPage) Screenshot(path string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("chromium: %v", err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Dialogs returns the texts of all alerts, prompts and confirmations so far.
func (p *BrowserPage) Dialogs() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.dialogs...)
}

// Errors returns uncaught exceptions, what the page's content security policy
// refused, and failed loads so far.
func (p *BrowserPage) Errors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.errors...)
}

// event runs in the browser's reading goroutine, so it must not wait for an
// answer.
func (p *BrowserPage) event(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		p.dialogs = append(p.dialogs, e.Message)
		go func() { // ends with the page
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *runtime.EventExceptionThrown:
		p.errors = append(p.errors, describe(e.ExceptionDetails))
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError {
			p.errors = append(p.errors, e.Entry.Text+" "+e.Entry.URL)
		}
	}
}
