package document

import (
	"strings"

	"rollcall/collector/internal/reconcile"
)

var kindLabels = map[reconcile.Kind]string{
	reconcile.UncoveredUnit:     "On no contract",
	reconcile.RMAMismatch:       "Replaced, but the contract lists the old serial",
	reconcile.LineNotSeen:       "On the contract, but not seen",
	reconcile.CoverageExpiring:  "Cover ends soon",
	reconcile.CoverageExpired:   "Cover has ended",
	reconcile.TermShort:         "One year of cover where five are due",
	reconcile.ActivationOverdue: "Contract not active yet",
	reconcile.SiteMismatch:      "Contract names another site",
	reconcile.PIDMismatch:       "Contract names another product",
	reconcile.DuplicateSerial:   "One serial seen twice",
	reconcile.SuspectSerial:     "Serial looks wrong",
	reconcile.DuplicateLine:     "On the contract twice",
	reconcile.DataStale:         "Contract data is old",
	reconcile.AgentSilent:       "Agent is silent",
	reconcile.NodeUnreachable:   "Device does not answer",
	reconcile.Incomplete:        "Device not read completely",
	reconcile.HostKeyChanged:    "SSH host key changed",
	reconcile.CredentialRefused: "Credential refused",
	reconcile.WeakAccess:        "Weak access in use",
}

// KindLabel is how people read a kind of finding. It also answers for a kind of
// a later version.
func KindLabel(k reconcile.Kind) string {
	if label, ok := kindLabels[k]; ok {
		return label
	}
	return strings.ReplaceAll(string(k), "_", " ")
}

var coverageLabels = map[reconcile.Coverage]string{
	reconcile.Uncovered:         "No cover",
	reconcile.RMAPending:        "Replaced",
	reconcile.Expired:           "Expired",
	reconcile.Expiring:          "Ends soon",
	reconcile.UnknownSerial:     "Unknown serial",
	reconcile.Unverified:        "Not verified",
	reconcile.ActivationPending: "Being activated",
	reconcile.Future:            "Begins later",
	reconcile.Ineligible:        "Not eligible",
	reconcile.Covered:           "Covered",
}

// CoverageLabel is how people read a state of coverage. It also answers for a
// state of a later version.
func CoverageLabel(c reconcile.Coverage) string {
	if label, ok := coverageLabels[c]; ok {
		return label
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// declaredLabels are how people read what was declared of a unit.
var declaredLabels = map[reconcile.DeclarationKind]string{
	reconcile.DeclaredElsewhere: "obtained elsewhere", reconcile.DeclaredSpare: "a spare", reconcile.DeclaredReturned: "returned",
	reconcile.DeclaredRetired: "retired", reconcile.DeclaredNotOurs: "not yours",
}
