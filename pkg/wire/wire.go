// Package wire is what agent and collector say to each other: the versioned
// batch of reports that goes up, the typed receipt that comes back, how an agent
// joins and renews its credential, the paths and headers they travel by, and
// their encoding. It decides nothing: what is
// spooled, stored or refused is decided by the packages on either side.
package wire

import (
	"time"

	"rollcall/pkg/inventory"
)

// Where and how a batch travels.
const (
	// ReportsPath takes a Batch by POST and answers with a Receipt.
	ReportsPath = "/api/v1/reports"
	// BatchType and ReceiptType are the media types of the two bodies.
	BatchType   = "application/vnd.rollcall.batch+json"
	ReceiptType = "application/vnd.rollcall.receipt+json"
	// Encoding is the only Content-Encoding of a batch.
	Encoding = "zstd"
	// RequestIDHeader names a request, of up to 64 letters, digits, "-", "_" and
	// "."; the answer has the same. Both sides log it.
	RequestIDHeader = "X-Request-ID"

	// BatchSchema and ReceiptSchema name the versions. Unknown fields are
	// ignored; another major number is refused.
	BatchSchema   = "rollcall.batch/1"
	ReceiptSchema = "rollcall.receipt/1"
)

// Limits on what the other side may send.
const (
	// MaxCompressed bounds a body on the line, in bytes.
	MaxCompressed = 1 << 20
	// MaxDecoded bounds a body after decompression, in bytes.
	MaxDecoded = 16 << 20
	// MaxReports bounds the reports of one batch.
	MaxReports = 500
	// MaxComponents bounds the components of one report.
	MaxComponents = 20000
)

// A Batch is what an agent uploads at once. The agent's organization and site
// are not in it: the collector knows them from the agent's credential.
type Batch struct {
	Schema  string    `json:"schema"`
	Agent   string    `json:"agent"`   // the agent's own name for itself, for people
	Version string    `json:"version"` // of the agent program
	SentAt  time.Time `json:"sent_at"` // by the agent's clock
	// Interval is the time between two polls of a node, in seconds. It lets
	// the collector say when an agent is silent.
	Interval int      `json:"interval_seconds"`
	Reports  []Report `json:"reports"`
	// Instance is made at random when the agent program starts: two that come
	// in turns are two programs with one identity.
	Instance string `json:"instance,omitempty"`
	// Dropped counts, by reason and since its spool was created, the reports
	// that the agent had to give up before it could send them.
	Dropped map[string]int64 `json:"dropped,omitempty"`
	// Spool is how the agent's spool stands; nil from an agent that does not
	// say.
	Spool *Spool `json:"spool,omitempty"`
}

// A Spool is how the spool of an agent stands when it sends a batch. It is a
// state and no event: a batch that is lost or comes twice loses nothing.
type Spool struct {
	Epoch int64 `json:"epoch"`
	// Acked is the highest seq of this epoch for which the agent holds a
	// receipt; 0 when there is none. A collector that does not know as much
	// has lost something, as by a restore.
	Acked   int64      `json:"acked_seq"`
	Waiting int64      `json:"waiting"`          // reports, with those of the batch
	Oldest  *time.Time `json:"oldest,omitempty"` // of them, by the agent's clock
	// Quarantined counts the reports that were refused for good and are set
	// aside, and Reason says why the newest was.
	Quarantined int64  `json:"quarantined"`
	Reason      string `json:"quarantine_reason,omitempty"`
	// Corrupt counts the spools that had to be set aside as a whole, over all
	// epochs, with reports in them that were not sent yet.
	Corrupt int64 `json:"corrupt"`
}

// A Report is one poll of one node. ReportID, Epoch and Seq are made when the
// node is polled and never change: the collector applies a ReportID once, and
// nothing older than the (Epoch, Seq) it has applied for the node.
type Report struct {
	ReportID string    `json:"report_id"` // UUIDv7
	Epoch    int64     `json:"epoch"`     // grows whenever the agent starts a new spool
	Seq      int64     `json:"seq"`       // grows by one with each report of an epoch
	PolledAt time.Time `json:"polled_at"` // by the agent's clock
	// Answered is false when the node gave nothing over any transport: then
	// Device has only Address and Errors.
	Answered    bool             `json:"answered"`
	Fingerprint string           `json:"fingerprint"` // Device.Fingerprint()
	Device      inventory.Device `json:"device"`
}

// A Receipt names what became of each report of a batch. Only a receipt that
// names a report_id lets the agent forget that report.
type Receipt struct {
	Schema  string   `json:"schema"`
	Results []Result `json:"results"`
	// SendAgain asks for what the collector once acknowledged and does not
	// know any more. The request comes with every receipt until the agent's
	// Spool.Acked says that it was heard.
	SendAgain *SendAgain `json:"send_again,omitempty"`
	// Interval is how often the collector wants nodes to be polled, in
	// seconds; 0 leaves that to the agent.
	Interval int `json:"interval_seconds,omitempty"`
}

// SendAgain names the reports of an epoch that come after a seq.
type SendAgain struct {
	Epoch int64 `json:"epoch"`
	After int64 `json:"after_seq"`
}

// A Result is the fate of one report.
type Result struct {
	ReportID string `json:"report_id"`
	Status   Status `json:"status"`
	Reason   string `json:"reason,omitempty"` // for refused: what is wrong with it
}

// Status of a report in a receipt.
type Status string

// The fates of a report. Stored and Duplicate let the agent forget it; Refused
// is permanent, and the agent sets the report aside.
const (
	Stored    Status = "stored"
	Duplicate Status = "duplicate"
	Refused   Status = "refused"
)

// A Fault is the body of every answer that is not a receipt.
type Fault struct {
	Error string `json:"error"` // a sentence for the log of the agent
	// Code says why the agent is not taken; "" for all other faults.
	Code string `json:"code,omitempty"`
	// Time is the collector's, with CodeClock.
	Time *time.Time `json:"time,omitempty"`
}
