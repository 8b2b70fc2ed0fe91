// Package web is what people and programs see of the collector: its pages, and
// the JSON API of /api/v1. It shows what reconcile left in the store and
// computes no verdict itself; agents upload elsewhere (ingest), and Prometheus
// scrapes elsewhere (metrics).
//
// Everything that comes from devices and files is taken as hostile: pages are
// html/template, nothing in them is inline, and the content security policy
// lets a page load from this server only.
package web

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rollcall/collector/internal/contract"
	"rollcall/collector/internal/login"
	"rollcall/collector/internal/reconcile"
	"rollcall/collector/internal/store"
)

// A Store holds the results of the last reconciling. Organizations are named by
// ID; Units and Findings take "" for all. Findings gives either the open ones or
// the resolved ones.
type Store interface {
	Organizations(ctx context.Context) ([]store.Organization, error)
	Summary(ctx context.Context) ([]store.Count, error)
	Units(ctx context.Context, organization string) ([]store.Unit, error)
	Findings(ctx context.Context, organization string, open bool) ([]store.Finding, error)
	Finding(ctx context.Context, id int64) (store.Finding, error)
	Agents(ctx context.Context, organization string) ([]reconcile.Agent, error)
	Nodes(ctx context.Context, organization string) ([]reconcile.Node, error)
	Imports(ctx context.Context, organization string) ([]reconcile.Import, error)
	Facts(ctx context.Context, organization string) (reconcile.Facts, error)
	keeper
}

// A keeper keeps what people decide and say; store.Store is one.
type keeper interface {
	Acknowledge(ctx context.Context, organization string, id int64, by, note string) error
	Unacknowledge(ctx context.Context, organization string, id int64) error
	ConfirmReplacement(ctx context.Context, organization string, r contract.RMA, author string) (int64, error)
	RejectReplacement(ctx context.Context, organization string, x reconcile.Rejection) error
	UnrejectReplacement(ctx context.Context, organization, oldSerial, newSerial string) error
	Rejections(ctx context.Context, organization string) ([]reconcile.Rejection, error)
	Replacements(ctx context.Context, organization string) ([]store.Replacement, error)
	Declare(ctx context.Context, organization string, d reconcile.Declaration) error
	Undeclare(ctx context.Context, organization, serial, pid string) error
	Declarations(ctx context.Context, organization string) ([]reconcile.Declaration, error)
	ImportLog(ctx context.Context, organization string, limit, offset int) ([]store.LoggedImport, int, error)
	ImportByID(ctx context.Context, organization string, id int64, limit, offset int) (store.LoggedImport, []store.LineChange, error)
	SaveUpload(ctx context.Context, organization string, u store.Upload) (id string, err error)
	Upload(ctx context.Context, organization, id string) (store.Upload, error)
	DeleteUpload(ctx context.Context, organization, id string) error
	ImportContract(ctx context.Context, organization string, f contract.File, at time.Time) (store.Diff, error)
	ImportAnswer(ctx context.Context, organization string, f contract.File) ([]contract.Lookup, error)
	ImportRMAs(ctx context.Context, organization, file string, entries []contract.RMA) (store.Diff, error)
	ImportOrders(ctx context.Context, organization, file string, entries []contract.Order) (store.Diff, error)
	UndoImport(ctx context.Context, organization string, id int64, by string) (store.LoggedImport, error)
	RMAs(ctx context.Context, organization string) ([]store.LedgerEntry[contract.RMA], error)
	Orders(ctx context.Context, organization string) ([]store.LedgerEntry[contract.Order], error)
	SaveRMA(ctx context.Context, organization string, id int64, r contract.RMA, author string) (int64, error)
	SaveOrder(ctx context.Context, organization string, id int64, o contract.Order, author string) (int64, error)
	DeleteRMA(ctx context.Context, organization string, id int64) error
	DeleteOrder(ctx context.Context, organization string, id int64) error
	Retire(ctx context.Context, organization string, r reconcile.Retirement) error
	Gaps(ctx context.Context, organization string, since time.Time) ([]store.Gap, error)
	Unretire(ctx context.Context, organization string, kind reconcile.RetirementKind, name string) error
	Retirements(ctx context.Context, organization string) ([]store.Retirement, error)
	Sites(ctx context.Context, organization string) ([]reconcile.Site, error)
	SetSite(ctx context.Context, organization string, x reconcile.Site) error
}

// Options are what the pages need.
type Options struct {
	Store Store
	Log   *slog.Logger     // nil logs nothing
	Now   func() time.Time // nil is time.Now
	// Metrics are nil where nobody looks at them.
	Metrics *Metrics
	// Settings are those by which organizations are judged; documents name them.
	// nil is the defaults.
	Settings func() reconcile.Settings
	// People keeps accounts, sessions and tokens; nil where LoginOff is set.
	People *store.Store
	// LoginOff lets whoever can reach the collector do everything.
	LoginOff bool
	// View is the store for one who acts, with some organizations or with all;
	// nil is Store itself for everybody.
	View func(actor string, organizations []string, all bool) Store
	// Receivers tells how it stands with those who are told of findings by mail
	// and webhook; nil knows of none.
	Receivers func(context.Context) ([]store.ReceiverState, error)
	// SessionIdle and SessionLife end a session that is not used, and any.
	SessionIdle, SessionLife time.Duration
	// Provider is the organization's own login, nil for none; ProviderName are
	// the words that lead to it.
	Provider     *login.Provider
	ProviderName string
	// Client says who asks where a proxy may be in between; nil is the other end
	// of the connection.
	Client func(*http.Request) (netip.AddrPort, bool)
	// Hosts says whether the collector goes by a name, as the header Host has
	// it; nil takes all.
	Hosts func(host string) bool
	// PublicURL is where people elsewhere find the collector, for links; "" is by
	// the name by which they ask.
	PublicURL string
}

type server struct {
	store        Store
	log          *slog.Logger
	now          func() time.Time
	settings     func() reconcile.Settings
	hosts        func(string) bool
	publicURL    string
	assets       assets
	templates    templates
	help         helpPages
	intakes      chan struct{} // one for each file that is being read
	metrics      *Metrics
	people       *store.Store
	loginOff     bool
	view         func(actor string, organizations []string, all bool) Store
	idle         time.Duration
	life         time.Duration
	hasher       *login.Hasher
	provider     *login.Provider
	providerName string
	client       func(*http.Request) (netip.AddrPort, bool)
	receivers    func(context.Context) ([]store.ReceiverState, error)
	who          login.Principal // of the request; nobody before it is known
}

// New returns the handler of all pages and of the API, to be mounted at the
// root. It panics when its own embedded templates cannot be parsed.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if o.View == nil {
		o.View = func(string, []string, bool) Store { return o.Store }
	}
	if o.Settings == nil {
		o.Settings = reconcile.DefaultSettings
	}
	files := newAssets()
	s := &server{
		store: o.Store, log: o.Log, now: o.Now, settings: o.Settings, hosts: o.Hosts, publicURL: strings.TrimSuffix(o.PublicURL, "/"), assets: files, templates: newTemplates(files), help: mustHelpPages(),
		people: o.People, loginOff: o.LoginOff, view: o.View, idle: cmp.Or(o.SessionIdle, DefaultSessionIdle), life: cmp.Or(o.SessionLife, DefaultSessionLife),
		hasher: login.NewHasher(), provider: o.Provider, providerName: cmp.Or(o.ProviderName, "Log in with your organization's account"), client: o.Client, receivers: o.Receivers, intakes: make(chan struct{}, intakes), metrics: o.Metrics,
	}
	return s.handler()
}

// Defaults of the times after which a session ends.
const (
	DefaultSessionIdle = 24 * time.Hour
	DefaultSessionLife = 14 * 24 * time.Hour
)
