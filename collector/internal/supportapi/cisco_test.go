package supportapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
	"rollcall/pkg/config"
	"rollcall/pkg/inventory"
)

// cisco is a server with the shapes and the moods of the Support APIs.
type cisco struct {
	*httptest.Server
	mu      sync.Mutex
	secret  string
	expires int             // seconds
	token   string          // that is taken at present
	tokens  int             // given
	serials map[string]unit // that are known
	pids    map[string]string
	rmas    map[string]string // a record by its number
	perPage int
	calls   []string // "coverage FOC1,FOC2", in order, those with a fault too
	// fault answers in the place of the API, and says that it did.
	fault func(w http.ResponseWriter, r *http.Request, api string) bool
}

// A unit is what SN2Info knows of a serial.
type unit struct{ pid, contract, end, owner string }

func newCisco(t testing.TB) *cisco {
	t.Helper()
	c := &cisco{secret: "s3cret/of+the=client", expires: 3600, serials: map[string]unit{}, pids: map[string]string{}, rmas: map[string]string{}, perPage: 1000}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// answers lets fault answer from now on, or the API again where it is nil. An
// answer that was cut off may still be under way.
func (c *cisco) answers(fault func(w http.ResponseWriter, r *http.Request, api string) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = fault
}

func (c *cisco) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := r.URL.EscapedPath()
	switch {
	case path == "/token":
		c.serveToken(w, r)
	case strings.HasPrefix(path, "/sn2info/v2/coverage/summary/serial_numbers/"):
		c.serve(w, r, "coverage", c.summary)
	case strings.HasPrefix(path, "/sn2info/v2/coverage/owner_status/serial_numbers/"):
		c.serve(w, r, "owner", c.owner)
	case strings.HasPrefix(path, "/eox/EOXByProductID/"):
		c.serve(w, r, "eox", c.eox)
	case strings.HasPrefix(path, "/return/v1.0/returns/"):
		c.serve(w, r, "rma", c.rma)
	default:
		http.NotFound(w, r)
	}
}

func (c *cisco) serveToken(w http.ResponseWriter, r *http.Request) {
	c.calls = append(c.calls, "token")
	if c.fault != nil && c.fault(w, r, "token") {
		return
	}
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("client_id") != "the-client" || r.FormValue("client_secret") != c.secret {
		answer(w, http.StatusUnauthorized, `{"errorCode":"invalid_client","errorSummary":"Invalid value for 'client_id' parameter.","errorLink":"invalid_client","errorId":"oae1","errorCauses":[]}`)
		return
	}
	c.tokens++
	c.token = fmt.Sprintf("token-%d", c.tokens)
	answer(w, http.StatusOK, fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":%q,"scope":"customscope"}`, c.expires, c.token))
}

// serve answers with what of gives for the inputs, which stand in the last part
// of the path, each escaped by itself.
func (c *cisco) serve(w http.ResponseWriter, r *http.Request, api string, of func(r *http.Request, inputs []string) string) {
	path := r.URL.EscapedPath()
	var inputs []string
	for x := range strings.SplitSeq(path[strings.LastIndex(path, "/")+1:], ",") {
		s, err := url.PathUnescape(x)
		if err != nil {
			s = x
		}
		inputs = append(inputs, s)
	}
	c.calls = append(c.calls, api+" "+strings.Join(inputs, ","))
	w.Header().Set("X-Mashery-Message-ID", "message-"+strconv.Itoa(len(c.calls)))
	if c.fault != nil && c.fault(w, r, api) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+c.token || c.token == "" {
		answer(w, http.StatusUnauthorized, `{"error":"invalid_token"}`)
		return
	}
	answer(w, http.StatusOK, of(r, inputs))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, body)
}

// summary gives rows in another order than was asked, in pages.
func (c *cisco) summary(r *http.Request, inputs []string) string {
	n, _ := strconv.Atoi(r.URL.Query().Get("page_index"))
	slices.Sort(inputs)
	slices.Reverse(inputs)
	last := max((len(inputs)+c.perPage-1)/c.perPage, 1)
	var rows []string
	for i, s := range inputs {
		if i/c.perPage != n-1 {
			continue
		}
		u := c.serials[s]
		rows = append(rows, fmt.Sprintf(`{"id":"%d","sr_no":%q,"is_covered":%q,"base_pid_list":[{"base_pid":%q}],"orderable_pid_list":[{"orderable_pid":"","item_description":"",
			"item_position":"","item_type":"","pillar_code":""}],"parent_sr_no":"","contract_site_customer_name":"","contract_site_address1":"","contract_site_city":"",
			"contract_site_state_province":"","contract_site_country":"","covered_product_line_end_date":%q,"service_contract_number":%q,"service_line_descr":"SNT",
			"warranty_end_date":"","warranty_type":"","warranty_type_description":"","added_in_2027":{"a":[1]}}`, i, s, u.covered(), u.pid, u.end, u.contract))
	}
	return fmt.Sprintf(`{"pagination_response_record":{"last_index":%d,"page_index":%d,"page_records":%d,"self_link":"","title":"","total_records":%d},"serial_numbers":[%s]}`,
		last, n, len(rows), len(inputs), strings.Join(rows, ","))
}

func (u unit) covered() string {
	if u.end >= "2026-06-15" {
		return "YES"
	}
	return "NO"
}

func (c *cisco) owner(_ *http.Request, inputs []string) string {
	var rows []string
	for _, s := range inputs {
		u := c.serials[s]
		rows = append(rows, fmt.Sprintf(`{"sr_no":%q,"sr_no_owner":%q,"is_covered":%q,"coverage_end_date":%q}`, s, u.owner, u.covered(), u.end))
	}
	return `{"serial_numbers":[` + strings.Join(rows, ",") + `]}`
}

// eox answers two products a page.
func (c *cisco) eox(r *http.Request, inputs []string) string {
	parts := strings.Split(r.URL.EscapedPath(), "/")
	n, _ := strconv.Atoi(parts[len(parts)-2])
	var rows []string
	for i, pid := range inputs {
		if i/2 != n-1 {
			continue
		}
		end, known := c.pids[pid]
		problem := ""
		if !known {
			problem = `,"EOXError":{"ErrorID":"SSA_ERR_026","ErrorDescription":"EOX information does not exist for the following product ID(s): X","ErrorDataType":"PRODUCT_ID","ErrorDataValue":"X"}`
		}
		rows = append(rows, fmt.Sprintf(`{"EOLProductID":%q,"ProductIDDescription":"A switch","ProductBulletinNumber":"EOL1","LinkToProductBulletinURL":"","EOXInputType":"ShowEOXByPids",
			"EOXInputValue":"%s ","EOXExternalAnnouncementDate":{"value":"2020-01-31","dateFormat":"YYYY-MM-DD"},"EndOfSaleDate":{"value":"","dateFormat":null},
			"LastDateOfSupport":{"value":%q,"dateFormat":"YYYY-MM-DD"}%s}`, pid, pid, end, problem))
	}
	return fmt.Sprintf(`{"PaginationResponseRecord":{"PageIndex":%d,"LastIndex":%d,"TotalRecords":%d,"PageRecords":%d},"EOXRecord":[%s]}`,
		n, (len(inputs)+1)/2, len(inputs), len(rows), strings.Join(rows, ","))
}

func (c *cisco) rma(r *http.Request, inputs []string) string {
	var records []string
	for _, number := range slices.Sorted(maps.Keys(c.rmas)) {
		if number == inputs[0] || strings.Contains(r.URL.Path, "/users/user_ids/") {
			records = append(records, c.rmas[number])
		}
	}
	if len(records) == 0 {
		return `{"OrderList":{"APIError":{"Error":[{"errorCode":"SVO_NO_RECORDS","errorDescription":"No order found for the given request.","suggestedAction":"","inputIdentifier":""}]}}}`
	}
	return `{"APIPagination":{"pageIndex":"1","lastIndex":"1","totalRecords":"1","pageRecords":"1","title":"","selfLink":""},"returns":{"RmaRecord":[` + strings.Join(records, ",") + `]}}`
}

// rmaOf is the record of an RMA with one unit.
func rmaOf(number, old, now, pid string) string {
	return fmt.Sprintf(`{"rmaNo":%s,"status":"Open","orderDate":"2026-06-01","caseId":"698765432","contractId":204517788,"originator":"",
		"customerRefInfo":{"customerPONumber":"","customerProvidedSN":%q},"shipToInfo":{"contactName":"Somebody","phone":"555 0100"},
		"replacementParts":{"partsLineDetails":[{"partsLineRef":"1","shippedPartNo":%q,"partsShipDate":"2026-06-02","shippedSerialID":%q}]},
		"returnLines":{"returnParts":[{"returnLineRef":"1","receivedPartNo":%q,"returnToCiscoBy":"2026-06-30","reqturnQtyReceived":"0","receivedSerialNumber":""}]}}`, number, old, pid+"=", now, pid)
}

func (c *cisco) called(api string) (inputs []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if rest, ok := strings.CutPrefix(call, api); ok {
			inputs = append(inputs, strings.TrimSpace(rest))
		}
	}
	return inputs
}

// A clock stands still but for what is waited, so that no test waits.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func newClock() *clock { return &clock{now: time.Date(2026, 6, 15, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waits = append(c.waits, d)
	return ctx.Err()
}

// A bench is a store, a server and a puller between them.
type bench struct {
	t     testing.TB
	cisco *cisco
	clock *clock
	store *store.Store
	dir   string
	reg   *prometheus.Registry
	log   strings.Builder
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, cisco: newCisco(t), clock: newClock(), dir: t.TempDir(), reg: prometheus.NewRegistry()}
	b.open()
	return b
}

func (b *bench) open() {
	b.t.Helper()
	s, err := store.Open(b.t.Context(), store.Options{DataDir: b.dir, Now: b.clock.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	b.store = s
	b.t.Cleanup(func() { _ = s.Close() })
}

// organization makes one with units, each "PID SERIAL".
func (b *bench) organization(name string, units ...string) string {
	b.t.Helper()
	o, err := b.store.CreateOrganization(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	var r reconcile.Result
	for i, u := range units {
		pid, serial, _ := strings.Cut(u, " ")
		r.Units = append(r.Units, reconcile.Unit{
			Serial: serial, PID: pid, Site: "Main", Address: "192.0.2." + strconv.Itoa(i), Class: inventory.ClassChassis, Coverage: reconcile.Unverified, Reason: reconcile.NoContractData,
		})
	}
	if err := b.store.SaveResult(b.t.Context(), o.ID, r); err != nil {
		b.t.Fatal(err)
	}
	return o.ID
}

func (b *bench) client() *Client {
	return NewClient(Options{
		Account: "main", ClientID: config.Plain("the-client"), ClientSecret: config.Plain("s3cret/of+the=client"), PerSecond: 5, PerMinute: 1000,
		TokenURL: b.cisco.URL + "/token", CoverageURL: b.cisco.URL + "/sn2info/v2", EoXURL: b.cisco.URL + "/eox/", RMAURL: b.cisco.URL + "/return/v1.0",
		UserAgent: "rollcall", Now: b.clock.Now, Wait: b.clock.Wait,
	})
}

func (b *bench) puller(change ...func(*PullerOptions)) *Puller {
	b.t.Helper()
	client := b.client()
	b.t.Cleanup(client.Close)
	o := PullerOptions{
		Store: b.store, Client: client, APIs: []store.SupportAPI{store.CoverageAPI, store.EoXAPI, store.RMAAPI}, PerDay: 1000,
		Refresh: 7 * 24 * time.Hour, EoXRefresh: 30 * 24 * time.Hour, RMARefresh: 24 * time.Hour,
		Log: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: NewMetrics(prometheus.NewRegistry()),
	}
	for _, c := range change {
		c(&o)
	}
	return NewPuller(o)
}

// rounds runs rounds until nothing is asked any more.
func (b *bench) rounds(p *Puller) {
	b.t.Helper()
	for range 200 {
		n, err := p.round(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	b.t.Fatal("it never has enough")
}

func (b *bench) facts(org string) reconcile.Facts {
	b.t.Helper()
	f, err := b.store.Facts(b.t.Context(), org)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// seen are facts of an organization in which agents saw its units.
func (b *bench) seen(org string, units ...string) reconcile.Facts {
	b.t.Helper()
	f := b.facts(org)
	f.Agents = []reconcile.Agent{{ID: "a", Site: "Main", LastSeen: b.clock.Now(), Interval: 24 * time.Hour}}
	for i, u := range units {
		pid, serial, _ := strings.Cut(u, " ")
		id := "Main/" + strconv.Itoa(i)
		f.Nodes = append(f.Nodes, reconcile.Node{ID: id, Site: "Main", Agent: "a", Address: strconv.Itoa(i), Answered: true, Complete: true, Polled: b.clock.Now(), LastGood: b.clock.Now(), Platform: inventory.PlatformIOS})
		f.Sightings = append(f.Sightings, reconcile.Sighting{Node: id, Slot: "1", First: b.clock.Now(), Last: b.clock.Now(), Component: inventory.Component{Serial: serial, PID: pid, Class: inventory.ClassChassis, Unit: true}})
	}
	return f
}

// verdicts are the units of a result, each in words.
func verdicts(r reconcile.Result) []string {
	var all []string
	for _, u := range r.Units {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s %s", u.Serial, u.Coverage, u.Reason, u.Contract, u.LineEnd)))
	}
	return all
}

func pretty(v any) string {
	raw, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
