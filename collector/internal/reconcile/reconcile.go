// Package reconcile holds what was seen against what is under contract and says
// for every unit its coverage and for every person what to do. It is pure: the
// same facts give the same result, in the same order, on any machine and on any
// day, for the day is one of the facts. It reads no database, no clock and no
// network; store keeps its results, metrics and web show them.
//
// Rules stand one per file; rules.go lists them.
package reconcile

import (
	"time"

	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// Facts are all that is known of one organization on one day.
type Facts struct {
	Organization string    // its ID
	Now          time.Time // UTC
	Settings     Settings
	Agents       []Agent
	Nodes        []Node
	Sightings    []Sighting
	Lines        []contract.Line // of the newest import of each contract
	Imports      []Import        // the newest import of each contract

	// What follows is optional.

	// Name is the organization's, for mails and forms; Organization when it is
	// empty.
	Name string
	// Refused are the rows of these imports that could not be used: their
	// serials may well be on the contract.
	Refused []contract.Refusal
	// Dropped are lines that an earlier import listed and the newest of the
	// same contract does not.
	Dropped []contract.Line
	RMAs    []contract.RMA   // replacements that people recorded, or Cisco's API has
	Orders  []contract.Order // donated gear
	// Declarations are what people said of units.
	Declarations []Declaration
	// Rejections are inferred replacements that people said are none.
	Rejections []Rejection
	// Retirements are contracts, nodes and sites that people said are gone.
	Retirements []Retirement
	// Sites are those whose postal address is known.
	Sites []Site
	// Lookups are the newest answers of Cisco's Support API, by serial. They say
	// nothing of serials that were not asked for.
	Lookups []contract.Lookup
	// Products are what Cisco published about the end of life of products.
	Products []contract.Product
}

// Today is the UTC day of Now; contracts are judged by it.
func (f Facts) Today() contract.Date { return contract.DateOf(f.Now) }

// An Agent polls the nodes of one site.
type Agent struct {
	ID       string
	Name     string
	Site     string
	LastSeen time.Time     // its last upload, by the collector's clock; zero when never
	Interval time.Duration // between two polls of a node, as the agent says
	// RunsTwice says that two programs are this agent at once, as after a copy
	// of its machine.
	RunsTwice bool
	// Refused counts the reports that were refused for good and are set aside
	// at the agent, and Refusal says why the newest of them was.
	Refused int64
	Refusal string
}

// A Node is one management endpoint, as last reported.
type Node struct {
	ID       string // unique in the organization: Site + "/" + Address
	Site     string
	Agent    string // Agent.ID
	Address  string
	Name     string
	Platform string
	Model    string
	Software string
	Answered bool                // the last report had an answer
	Complete bool                // the last report was complete
	Polled   time.Time           // the last report
	LastGood time.Time           // the last complete report; zero when never
	Problems []inventory.Problem // of the last report
}

// A Sighting is one component at one place over one span of time.
type Sighting struct {
	Component inventory.Component
	Node      string // Node.ID
	Slot      string // inventory.Device.Slot
	First     time.Time
	Last      time.Time
	// Gone is when a complete report of the node first lacked the component;
	// zero while it is there, or while nothing proves that it is not.
	Gone time.Time
}

// Present says that nothing proves the component gone.
func (s Sighting) Present() bool { return s.Gone.IsZero() }

// An Import is the newest contract data of one contract.
type Import struct {
	Contract string
	File     string
	At       time.Time // when it was imported
}

// Settings are the periods that the program's rules set (FAQ numbers are of the
// TechSoup Cisco SMARTnet Support FAQ).
type Settings struct {
	// ExpiringDays are the windows before a line's end in which it is
	// `expiring`, in days, any order (default 90, 60, 30).
	ExpiringDays []int
	// StaleDays is the age, in days, beyond which contract data gives no
	// verdict (default 45).
	StaleDays int
	// LineNotSeenDays is how long a line's serial may be away from a site that
	// is polled completely (default 14).
	LineNotSeenDays int
	// ReplacementWindow is how long after a serial has gone another serial in
	// its place is taken for its replacement (default 90 days).
	ReplacementWindow time.Duration
	// AgentSilentAfter is how many intervals an agent may miss (default 3).
	AgentSilentAfter int
	// ActivationDays is how long after a donation has arrived in full its
	// contract may take (FAQ 2.5; default 21).
	ActivationDays int
	// TermYears is the term of support that comes with a donation (FAQ 1.3;
	// default 5).
	TermYears int
	// ShortTermDays is the term that the program extends to TermYears (FAQ
	// 1.4; default 365), and ShortTermTolerance how many days a line may be
	// longer or shorter and still count as such (default 42).
	ShortTermDays, ShortTermTolerance int
	// DonatedOnlySince is the day since when support is donated only with
	// products of the program (FAQ 3.6; default 2006-02-01).
	DonatedOnlySince contract.Date
	// ProgramMail is where the donation program is asked (FAQ 2.4, 2.5;
	// default cisco@techsoup.org).
	ProgramMail string
}

// DefaultSettings are the settings of an organization that sets none.
func DefaultSettings() Settings {
	return Settings{
		ExpiringDays: []int{90, 60, 30}, StaleDays: 45, LineNotSeenDays: 14,
		ReplacementWindow: 90 * 24 * time.Hour, AgentSilentAfter: 3,
		ActivationDays: 21, TermYears: 5, ShortTermDays: 365, ShortTermTolerance: 42,
		DonatedOnlySince: "2006-02-01", ProgramMail: "cisco@techsoup.org",
	}
}

// Coverage is the one state of a unit on a day; first that fits.
type Coverage string

// The states of coverage.
const (
	Covered           Coverage = "covered"
	Expiring          Coverage = "expiring"
	Expired           Coverage = "expired"
	Future            Coverage = "future"
	RMAPending        Coverage = "rma_pending"
	ActivationPending Coverage = "activation_pending"
	Ineligible        Coverage = "ineligible"
	Uncovered         Coverage = "uncovered"
	UnknownSerial     Coverage = "unknown_serial"
	Unverified        Coverage = "unverified"
)

// Coverages lists all states in the order in which people see them.
var Coverages = []Coverage{Uncovered, RMAPending, Expired, Expiring, UnknownSerial, Unverified, ActivationPending, Future, Ineligible, Covered}

// Reasons of Unverified and Ineligible. Units that are declared as returned,
// retired or not the organization's have the declaration's kind for a reason.
const (
	NoContractData    = "no_contract_data"
	ContractDataStale = "contract_data_stale"
	PollIncomplete    = "poll_incomplete"

	Linksys           = "linksys"
	ObtainedElsewhere = "obtained_elsewhere"
	Virtual           = "virtual"
	ThirdParty        = "third_party"
	PastSupport       = "past_support"
)

// A Unit is a component that a contract line can stand for, with its coverage.
// The JSON is that of `reconcile --format json` and of the API.
type Unit struct {
	Serial       string          `json:"serial"`
	PID          string          `json:"pid"`
	Site         string          `json:"site"`
	Node         string          `json:"node"` // its name, or its address
	Address      string          `json:"address"`
	Slot         string          `json:"slot"`
	Class        inventory.Class `json:"class"`
	Platform     string          `json:"platform"`
	Description  string          `json:"description"`
	Coverage     Coverage        `json:"coverage"`
	Reason       string          `json:"reason"`
	Contract     string          `json:"contract"`
	ServiceLevel string          `json:"service_level"`
	LineEnd      contract.Date   `json:"line_end"`
	FirstSeen    time.Time       `json:"first_seen"`
	LastSeen     time.Time       `json:"last_seen"`
}

// Kind names what a finding is about; design words, never renamed.
type Kind string

// The kinds of findings.
const (
	UncoveredUnit     Kind = "uncovered_unit"
	RMAMismatch       Kind = "rma_mismatch"
	LineNotSeen       Kind = "line_not_seen"
	CoverageExpiring  Kind = "coverage_expiring"
	CoverageExpired   Kind = "coverage_expired"
	TermShort         Kind = "term_short"
	ActivationOverdue Kind = "activation_overdue"
	SiteMismatch      Kind = "site_mismatch"
	PIDMismatch       Kind = "pid_mismatch"
	DuplicateSerial   Kind = "duplicate_serial"
	SuspectSerial     Kind = "suspect_serial"
	DuplicateLine     Kind = "duplicate_line"
	DataStale         Kind = "contract_data_stale"
	AgentSilent       Kind = "agent_silent"
	NodeUnreachable   Kind = "node_unreachable"
	Incomplete        Kind = "poll_incomplete"
	HostKeyChanged    Kind = "host_key_changed"
	CredentialRefused Kind = "credential_refused"
	WeakAccess        Kind = "weak_access"
)

// Severity says how soon someone should act.
type Severity string

// The severities.
const (
	Critical Severity = "critical" // a unit has no support on the day it dies
	Warning  Severity = "warning"
	Info     Severity = "info"
)

// A Finding is something that a person should act on.
type Finding struct {
	// Key identifies the finding from one run to the next: kind and subject's
	// identity. A finding is resolved when a run no longer gives its key.
	Key      string   `json:"key"`
	Kind     Kind     `json:"kind"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject"` // in words: "C9300-48P FCW2345L0AB in sw1 (Riverside)"
	Site     string   `json:"site"`
	Node     string   `json:"node"`
	Serial   string   `json:"serial"`
	PID      string   `json:"pid"`
	Contract string   `json:"contract"`
	Evidence []string `json:"evidence"` // sentences
	// Confidence is of RMAMismatch alone: how sure the replacement is.
	Confidence Confidence `json:"confidence,omitempty"`
	NextStep   NextStep   `json:"next_step"`
}

// Confidence says how sure a replacement is.
type Confidence string

// The confidences. What is recorded is certain; the others are inferred, and a
// person may confirm or reject them.
const (
	Certain Confidence = "certain"
	High    Confidence = "high"
	Medium  Confidence = "medium"
	Low     Confidence = "low"
)

// NextStep is what to do about a finding.
type NextStep struct {
	Title string   `json:"title"`
	Steps []string `json:"steps"` // sentences, in order
	// Sheet holds the fields to copy, such as those of the swap sheet for the
	// Service Contract Center; empty when there is nothing to fill in.
	Sheet Sheet `json:"sheet"`
}

// Sheet is a form by field name; SheetFields gives order and labels.
type Sheet map[string]string

// LineState says what became of a line of a contract.
type LineState string

// The states of lines. Licences and quantities stand for no unit.
const (
	LineMatched   LineState = "matched"   // its serial is in use
	LineUnmatched LineState = "unmatched" // its serial is not seen at present
	LineLicence   LineState = "licence"
	LineQuantity  LineState = "quantity"
)

// A Result is what one run says.
type Result struct {
	Units    []Unit           `json:"units"`
	Findings []Finding        `json:"findings"`
	Summary  map[Coverage]int `json:"summary"` // units by coverage, all states present
	// Lines counts the lines of the contracts, all states present.
	Lines map[LineState]int `json:"lines"`
	// Figures are for graphs and alerts.
	Figures Figures `json:"-"`
	// Unmatched are the lines whose serial is not seen at present. That alone
	// is no finding: see LineNotSeen.
	Unmatched []contract.Line `json:"-"`
	// Unproven are the keys of findings that this run can't tell of, sorted:
	// one that was open is not resolved by being absent, for its node, site or
	// contract data gives no verdict now.
	Unproven []string `json:"-"`
}
