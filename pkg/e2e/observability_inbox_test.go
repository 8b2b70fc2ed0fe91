package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"rollcall/pkg/peer"
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

// A chat is a message to a chat.
type chat struct{ Title, Link, Text string }

// An inbox is where the messages of an Alertmanager arrive: a mail server, a
// webhook and a chat.
type inbox struct {
	*httptest.Server

	smtp string // address of the mail server

	mu       sync.Mutex
	messages []message
	letters  []peer.Letter
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
	in.smtp = peer.ServeMail(t, peer.MailServer{Take: func(l peer.Letter) error {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.letters = append(in.letters, l)
		return nil
	}})
	return in
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
func (in *inbox) lettersWith(parts ...string) []peer.Letter {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(in.letters), func(l peer.Letter) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l.Text, p) })
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
