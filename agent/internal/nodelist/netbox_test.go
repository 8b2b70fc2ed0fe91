package nodelist_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/agent/internal/nodelist"
	"rollcall/pkg/config"
)

const netboxToken = "0123456789abcdef0123456789abcdef01234567"

// A netbox is a server that answers as NetBox does, over TLS.
type netbox struct {
	*httptest.Server
	mu      sync.Mutex
	queries []string
	headers []string
}

// serveNetBox answers /api/dcim/devices/ by page, the others with 404.
func serveNetBox(t *testing.T, page http.HandlerFunc) (*netbox, nodelist.NetBox) {
	t.Helper()
	n := &netbox{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/dcim/devices/", func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.queries, n.headers = append(n.queries, r.URL.RawQuery), append(n.headers, r.Header.Get("Authorization"))
		n.mu.Unlock()
		page(w, r)
	})
	n.Server = httptest.NewTLSServer(mux)
	t.Cleanup(n.Close)
	pool := x509.NewCertPool()
	pool.AddCert(n.Certificate())
	return n, nodelist.NetBox{URL: n.URL, Token: config.Plain(netboxToken), RootCAs: pool, Timeout: 10 * time.Second}
}

// pageOf writes a page of devices, from and to included, and where the next is.
func pageOf(w http.ResponseWriter, next string, from, to int) {
	type address struct {
		Address string `json:"address"`
	}
	type dev struct {
		ID      int     `json:"id"`
		Name    string  `json:"name"`
		Primary address `json:"primary_ip"`
	}
	answer := struct {
		Count   int     `json:"count"`
		Next    *string `json:"next"`
		Results []dev   `json:"results"`
	}{Results: []dev{}}
	if next != "" {
		answer.Next = &next
	}
	for i := from; i <= to; i++ {
		answer.Results = append(answer.Results, dev{i, fmt.Sprint("sw", i), address{fmt.Sprintf("192.0.2.%d/24", i)}})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func TestNetBox(t *testing.T) {
	// NetBox behind a proxy names its inner address in "next".
	server, n := serveNetBox(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("offset") == "" {
			pageOf(w, "http://netbox-inner.example.org:8080/api/dcim/devices/?limit=250&offset=2&site=hq", 1, 2)
			return
		}
		pageOf(w, "", 3, 3)
	})
	n.Filter = url.Values{"site": {"hq"}}
	list, err := n.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := nodelist.List{Format: nodelist.NetBoxJSON, Entries: []nodelist.Entry{
		{Address: "192.0.2.1", Name: "sw1", Line: 1}, {Address: "192.0.2.2", Name: "sw2", Line: 2}, {Address: "192.0.2.3", Name: "sw3", Line: 3},
	}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"exclude=config_context&limit=250&site=hq", "limit=250&offset=2&site=hq"}, server.queries); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Token " + netboxToken, "Token " + netboxToken}, server.headers); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	n.Token = config.Plain("nbt_abc.def")
	if _, err := n.Devices(t.Context()); err != nil || server.headers[2] != "Bearer nbt_abc.def" {
		t.Errorf("%v, header %q for a token of version 2", err, server.headers[2])
	}
}

// What a server may do wrong; no error tells the token.
func TestNetBoxFaults(t *testing.T) {
	tests := []struct {
		name string
		page http.HandlerFunc
		want string
	}{
		{"token refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "it refuses the token (403)"},
		{"no such page", http.NotFound, "there is no NetBox (404)"},
		{"broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "it answers with status 502"},
		{"login page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "it is not JSON"},
		{"pages in a circle", func(w http.ResponseWriter, r *http.Request) { pageOf(w, "/?"+r.URL.RawQuery, 1, 1) }, "go round in a circle"},
		{"next is no address", func(w http.ResponseWriter, _ *http.Request) { pageOf(w, "http://[::1", 1, 1) }, "next page cannot be read"},
		{"page without end", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"results":["`))
			block := []byte(strings.Repeat("x", 1<<20))
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}, "is larger than 16 MiB"},
		{"redirects in a circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }, "redirects too often"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"results":[`))
		}, "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, n := serveNetBox(t, tt.page)
			_, err := n.Devices(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), n.URL) || strings.Contains(err.Error(), netboxToken) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// The token goes to the configured host alone, whatever that answers.
func TestNetBoxRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was asked for %s", r.URL)
	}))
	defer other.Close()
	_, n := serveNetBox(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/api/dcim/devices/", http.StatusTemporaryRedirect)
	})
	if _, err := n.Devices(t.Context()); err == nil || !strings.Contains(err.Error(), "it redirects to "+other.URL) {
		t.Errorf("error %v, want one about the redirect", err)
	}
	moved, n := serveNetBox(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("moved") == "" {
			http.Redirect(w, r, "/api/dcim/devices/?moved=1", http.StatusFound)
			return
		}
		pageOf(w, "", 1, 1)
	})
	if list, err := n.Devices(t.Context()); err != nil || len(list.Entries) != 1 || len(moved.queries) != 2 {
		t.Errorf("%v, %v: a redirect on the same host was not followed", list, err)
	}
}

func TestNetBoxTimeout(t *testing.T) {
	release := make(chan struct{})
	_, n := serveNetBox(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	n.Timeout = 50 * time.Millisecond
	var timeout interface{ Timeout() bool }
	if _, err := n.Devices(t.Context()); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("error %v, want a time-out", err)
	}
}

func TestNetBoxValidate(t *testing.T) {
	good := nodelist.NetBox{URL: "https://netbox.example.org/netbox/", Token: config.Plain(netboxToken)}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	tests := []struct {
		url   string
		token config.Secret
		want  string
	}{
		{"", good.Token, "is missing"},
		{"netbox.example.org", good.Token, "is no web address"},
		{"ftp://netbox.example.org", good.Token, "is no web address"},
		{"https://user:secret@netbox.example.org", good.Token, "a user or password"},
		{"https://netbox.example.org/?a=b", good.Token, "more than a host and a path"},
		{"http://netbox.example.org", good.Token, "write https://"},
		{"https://netbox.example.org", config.Secret{}, "the token for NetBox is missing"},
	}
	for _, tt := range tests {
		n := nodelist.NetBox{URL: tt.url, Token: tt.token}
		if _, err := n.Devices(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: error %v, want one with %q", tt.url, err, tt.want)
		}
	}
	n := nodelist.NetBox{URL: "http://netbox.example.org", Token: good.Token, AllowPlainHTTP: true}
	if err := n.Validate(); err != nil {
		t.Errorf("plain HTTP by consent: %v", err)
	}
	n = nodelist.NetBox{URL: "https://netbox.example.org", Token: config.Reference("file:/does/not/exist")}
	if _, err := n.Devices(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot read secret") {
		t.Errorf("error %v, want one about the secret", err)
	}
}
