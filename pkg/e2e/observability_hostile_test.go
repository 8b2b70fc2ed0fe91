package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"

	"rollcall/pkg/inventory"
)

// What a device or a person may write where a name is expected: marks of HTML,
// templates, formats, chats, terminals and mails, and quotes of each.
const (
	hostileName = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>{{ template \"rollcall.title\" . }}%s\r\nBcc: all@example.org\u202e\x1b]8;;http://bad.example\x07"
	hostileSite = "{{ .ExternalURL }}<!channel>`\"'\\\"} 1\n</p><a href=\"javascript:alert(3)\">&amp;\u200b"
)

// Nothing that devices and people write is run, by whatever shows it: it stays
// text through metrics, rules and all kinds of messages.
func hostile(t *testing.T, s *stand) {
	c := s.newScene(t, "hostile", 0, nil)
	sw := device(t, "127.81.14.1", hostileName, inventory.PlatformIOSXE, unit("FCW2431L0A7", "C9300-48P"), unit(`"><script>{{.}}</script>`, "C9300-48P"))
	c.startAgent(hostileSite, "hostile", sw)
	c.until("the unit to be seen", func() bool { return c.units()["FCW2431L0A7"] != "" })
	c.importContract("FOC1947W2QP WS-C2960X-24PS-L")
	c.watch()
	checkMetrics(t, "http://"+c.listen+"/metrics")

	a := c.expect("firing", "RollcallUnitsUncovered")
	// As text it is whole, without what is no text.
	site := a.Labels["site"]
	if !strings.Contains(site, `{{ .ExternalURL }}<!channel>`) || strings.ContainsAny(site, "\n\u200b") || !strings.Contains(a.Annotations["summary"], site) {
		t.Errorf("the site is told as %q, in %q", site, a.Annotations["summary"])
	}
	if d := a.Annotations["description"]; !strings.Contains(d, `<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ template "rollcall.title" . }}%s`) || strings.ContainsAny(d, "\r\n\u202e\x1b\x07") {
		t.Errorf("the device is told as %q", d)
	}
	var l letter
	c.until("the mail", func() bool {
		all := s.in.lettersWith(c.url)
		if len(all) > 0 {
			l = all[0]
		}
		return len(all) > 0
	})
	if !strings.Contains(l.text, a.Annotations["description"]) || l.header.Get("Bcc") != "" || l.subject() != organizationID+": 1 thing to look at, urgent" {
		t.Errorf("the mail %q, headers %v, is\n%s", l.subject(), l.header, l.text)
	}
	page := readHTML(t, l.html)
	if page.elements["script"] || page.elements["img"] || page.attrs["onerror"] || !strings.Contains(page.text, a.Annotations["description"]) ||
		slices.ContainsFunc(page.links, func(link string) bool { return !strings.HasPrefix(link, c.url) }) {
		t.Errorf("the mail as a page has elements %v, attributes %v and links %v:\n%s", page.elements, page.attrs, page.links, l.html)
	}
	c.until("the chat message", func() bool { return len(s.in.chatsWith(c.url)) > 0 })
	for _, x := range s.in.chatsWith(c.url) {
		if strings.ContainsAny(x.Title+x.Text, "<>") || !strings.Contains(x.Text, "&lt;!channel&gt;") {
			t.Errorf("the chat would run what is in %q\n%s", x.Title, x.Text)
		}
	}
	c.prom.WaitFor(fmt.Sprintf(`rollcall_finding_info{kind="suspect_serial",collector=%q}`, c.url), func(v model.Vector) bool {
		return len(v) == 1 && strings.Contains(string(v[0].Metric["serial"]), "<SCRIPT>{{.}}")
	})
	c.importContract("FCW2431L0A7 C9300-48P")
	c.ended("RollcallUnitsUncovered")
}
