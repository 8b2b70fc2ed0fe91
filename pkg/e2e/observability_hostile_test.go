package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"rollcall/collector"
	"rollcall/pkg/inventory"
	"rollcall/pkg/peer"
)

// What a device or a person may write where a name is expected: marks of HTML,
// templates, formats, chats, terminals and mails, and quotes of each.
const (
	hostileName         = "<script>alert(1)</script>\"><img src=x onerror=alert(2)>{{ template \"rollcall.title\" . }}%s\r\nBcc: all@example.org\u202e\x1b]8;;http://bad.example\x07"
	hostileOrganization = "Aid {{ .CommonLabels }}%d <b onclick=\"alert(4)\">\r\nBcc: all@example.org\u202e"
	hostileSite         = "{{ .ExternalURL }}<!channel>`\"'\\\"} 1\n</p><a href=\"javascript:alert(3)\">&amp;\u200b"
)

// Nothing that devices and people write is run, by whatever shows it: it stays
// text through metrics, rules and all kinds of messages.
func hostile(t *testing.T, s *stand) {
	own := make(chan peer.Letter, 9) // the collector's own mails
	server := peer.ServeMail(t, peer.MailServer{Take: func(l peer.Letter) error { own <- l; return nil }})
	c := s.newScene(t, "hostile", 0, func(c *collector.Config) {
		m := &c.Notify.Mail
		m.Server, m.TLS, m.From, m.To, m.Quiet, m.Pause = server, "none", "rollcall@example.org", []string{"admin@example.org"}, 0, 0
	})
	c.organization = hostileOrganization
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
	var l peer.Letter
	c.until("the mail", func() bool {
		all := s.in.lettersWith(c.url)
		if len(all) > 0 {
			l = all[0]
		}
		return len(all) > 0
	})
	// Alerts have the organization's ID, which is of letters and digits.
	if !strings.Contains(l.Text, a.Annotations["description"]) || l.Header.Get("Bcc") != "" || l.Subject != "aid-commonlabels-d-b-onclick-alert-4-bcc-all-example-org: 1 thing to look at, urgent" {
		t.Errorf("the mail %q, headers %v, is\n%s", l.Subject, l.Header, l.Text)
	}
	page := readHTML(t, l.HTML)
	if page.elements["script"] || page.elements["img"] || page.attrs["onerror"] || !strings.Contains(page.text, a.Annotations["description"]) ||
		slices.ContainsFunc(page.links, func(link string) bool { return !strings.HasPrefix(link, c.url) }) {
		t.Errorf("the mail as a page has elements %v, attributes %v and links %v:\n%s", page.elements, page.attrs, page.links, l.HTML)
	}
	select {
	case l = <-own:
	case <-time.After(patience):
		t.Fatal("the collector's own mail did not come")
	}
	const whole = `Aid {{ .CommonLabels }}%d <b onclick="alert(4)"> Bcc: all@example.org`
	page = readHTML(t, l.HTML)
	if !strings.HasPrefix(l.Subject, whole+": ") || !strings.HasPrefix(l.Text, whole+"\n") || !strings.Contains(page.text, whole) || l.Header.Get("Bcc") != "" || page.attrs["onclick"] || page.elements["script"] {
		t.Errorf("the collector's own mail %q, headers %v, as a page with elements %v and attributes %v, is\n%s", l.Subject, l.Header, page.elements, page.attrs, l.Text)
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
