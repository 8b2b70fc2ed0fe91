package e2e_test

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/html"
)

// A message is what Alertmanager's webhook sends, as far as it matters here.
type message struct {
	GroupLabels map[string]string `json:"groupLabels"`
	Alerts      []alert           `json:"alerts"`
}

type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// is says that it is the alert of a name, with the labels given as NAME=VALUE.
func (a alert) is(name string, labels ...string) bool {
	return a.Labels["alertname"] == name && !slices.ContainsFunc(labels, func(l string) bool {
		k, v, _ := strings.Cut(l, "=")
		return a.Labels[k] != v
	})
}

// A letter is a mail as it arrived.
type letter struct {
	header     mail.Header
	text, html string
}

// A chat is a message to a chat.
type chat struct{ Title, Link, Text string }

// An inbox is where the messages of an Alertmanager arrive: a mail server, a
// webhook and a chat.
type inbox struct {
	*httptest.Server

	smtp string // address of the mail server

	mu       sync.Mutex
	messages []message
	letters  []letter
	chats    []chat
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.mu.Lock()
		defer in.mu.Unlock()
		if r.URL.Path == "/chat" {
			var c struct {
				Attachments []struct {
					Title string `json:"title"`
					Link  string `json:"title_link"`
					Text  string `json:"text"`
				} `json:"attachments"`
			}
			if err := json.NewDecoder(r.Body).Decode(&c); err != nil || len(c.Attachments) != 1 {
				t.Errorf("chat message: %v with %d attachments", err, len(c.Attachments))
				return
			}
			in.chats = append(in.chats, chat(c.Attachments[0]))
			_, _ = w.Write([]byte("ok")) // the answer that is expected
			return
		}
		var m message
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("message: %v", err)
		}
		in.messages = append(in.messages, m)
	}))
	t.Cleanup(in.Close)
	in.smtp = serveMail(t, "127.0.0.1:0", func(r io.Reader) error {
		l, err := readLetter(r)
		if err != nil {
			t.Errorf("a mail that cannot be read: %v", err)
			return err
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.letters = append(in.letters, l)
		return nil
	})
	return in
}

// serveMail starts a mail server that hands over what it takes, and returns its
// address.
func serveMail(t *testing.T, address string, take func(io.Reader) error) string {
	t.Helper()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailSession{take}, nil }))
	server.Domain, server.ErrorLog = "127.0.0.1", log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return listener.Addr().String()
}

type mailSession struct{ take func(io.Reader) error }

func (mailSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mailSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s mailSession) Data(r io.Reader) error             { return s.take(r) }
func (mailSession) Reset()                               {}
func (mailSession) Logout() error                        { return nil }

func readLetter(r io.Reader) (letter, error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return letter{}, err
	}
	l := letter{header: m.Header}
	return l, l.part(m.Header.Get, m.Body)
}

// part reads one part of a mail, and those in it.
func (l *letter) part(header func(string) string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			p, err := parts.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := l.part(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	if header("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	if kind == "text/html" {
		l.html = text
	} else {
		l.text = text
	}
	return nil
}

func (l letter) subject() string {
	s, err := new(mime.WordDecoder).DecodeHeader(l.header.Get("Subject"))
	if err != nil {
		return err.Error()
	}
	return s
}

// A markup is what HTML makes of a page: its text, the addresses that its links
// lead to, and the names of its elements and of their attributes.
type markup struct {
	text            string
	links           []string
	elements, attrs map[string]bool
}

// readHTML reads a page as browsers do.
func readHTML(t *testing.T, page string) markup {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	m := markup{elements: map[string]bool{}, attrs: map[string]bool{}}
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			m.text += n.Data + " "
		case html.ElementNode:
			m.elements[n.Data] = true
			for _, a := range n.Attr {
				m.attrs[a.Key] = true
				if a.Key == "href" {
					m.links = append(m.links, a.Val)
				}
			}
		}
	}
	return m
}

// newest returns the newest state of each alert that came and that fits,
// "firing" or "resolved".
func (in *inbox) newest(fits func(alert) bool) map[string]alert {
	in.mu.Lock()
	defer in.mu.Unlock()
	states := map[string]alert{}
	for _, m := range in.messages {
		for _, a := range m.Alerts {
			if fits(a) {
				raw, _ := json.Marshal(a.Labels) // in the order of their names
				states[string(raw)] = a
			}
		}
	}
	return states
}

// of returns the messages about a collector, by its address.
func (in *inbox) of(collector string) []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []message
	for _, m := range in.messages {
		if m.GroupLabels["collector"] == collector {
			all = append(all, m)
		}
	}
	return all
}

// lettersWith returns the mails whose text has all parts.
func (in *inbox) lettersWith(parts ...string) []letter {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(in.letters), func(l letter) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l.text, p) })
	})
}

// chatsWith returns the messages to the chat whose text has all parts.
func (in *inbox) chatsWith(parts ...string) []chat {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(in.chats), func(c chat) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(c.Text, p) })
	})
}

// lines are those of a text without spaces at their ends and without empty
// lines.
func lines(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
