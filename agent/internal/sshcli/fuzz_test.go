package sshcli

import (
	"strings"
	"testing"
)

// FuzzReply feeds output in two pieces, as a network may cut it: it must end
// neither too early for a device that goes on, nor later for the cut.
func FuzzReply(f *testing.F) {
	for _, text := range []string{
		"", "sw1#", "\r\nsw1#", "x\r\nsw1#\r\nsw1#", "sw1#sw1#", " --More-- ", "a\r\n--More-- or (q)uit", "\x1b[Ksw1#\x1b[0m\r\nsw1#",
		"\b\b\b   \b\b\bsw1#", "line\nsw1#\r\nmore\r\nsw1#", "<--- More --->\r              \rsw1#",
	} {
		f.Add(text, "sw1#", len(text)/2)
	}
	f.Add("(wlc) >\r\n(wlc) >", "(wlc) >", 3)
	f.Fuzz(func(t *testing.T, text, prompt string, cut int) {
		if strings.TrimSpace(plain(prompt)) != prompt || prompt == "" || len(prompt) > 128 {
			t.Skip("the prompt is learnt without space and escape sequences")
		}
		l := defaultLimits()
		l.line = 1 << 20
		whole, pieces := newReply(prompt, &l), newReply(prompt, &l)
		cut = min(max(cut, 0), len(text))
		if err := whole.add([]byte(text)); err != nil {
			t.Skip("over the limits")
		}
		if err := pieces.add([]byte(text[:cut])); err != nil {
			t.Fatal(err)
		}
		if err := pieces.add([]byte(text[cut:])); err != nil {
			t.Fatal(err)
		}
		if whole.prompts() != pieces.prompts() || whole.atPager() != pieces.atPager() {
			t.Errorf("%d prompts in one piece, %d in two", whole.prompts(), pieces.prompts())
		}
		if whole.done() {
			t.Error("the output is over before the prompt was confirmed")
		}
		whole.asked()
		if whole.done() {
			t.Error("the output is over before the confirmation was answered")
		}
		if whole.atPrompt() {
			if err := whole.add([]byte("\r\n" + prompt)); err != nil || !whole.done() {
				t.Errorf("a confirmed prompt does not end the output (%v)", err)
			}
		}
		s := &Session{prompt: prompt}
		if out := s.trim(text, "show inventory"); strings.HasSuffix(strings.TrimSpace(plain(out)), prompt) {
			t.Errorf("a prompt is left in %q", out)
		}
	})
}

// FuzzReadOffers reads what a peer may send before anything is known of it.
func FuzzReadOffers(f *testing.F) {
	f.Add([]byte("SSH-2.0-Cisco-1.25\n\x00\x00\x00\x30\x04\x140123456789abcdef\x00\x00\x00\x04kex1\x00\x00\x00\x07ssh-rsa"))
	f.Add([]byte("x\nSSH-2.0-\n\xff\xff\xff\xff\x00\x140123456789abcdef\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		o := readOffers(sent)
		if n := len(strings.Join(o.keyExchanges, ",")) + len(strings.Join(o.hostKeys, ",")) + len(strings.Join(o.ciphers, ",")) + len(strings.Join(o.macs, ",")); n > len(sent) {
			t.Errorf("%d bytes of names out of %d", n, len(sent))
		}
		if s := o.beyond(modern()); strings.ContainsAny(s, "\x1b\r\n") || len(s) > 2000 {
			t.Errorf("%q is not fit for a message", s)
		}
	})
}
