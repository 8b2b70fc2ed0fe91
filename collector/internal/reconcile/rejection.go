package reconcile

import (
	"rollcall/collector/internal/contract"
	"rollcall/pkg/inventory"
)

// A Rejection is a person's word that one unit did not replace another by an
// RMA, though it came in its place: it was bought, or moved there. No
// replacement of this pair is inferred again, so the unit gets the coverage
// that it has by itself. A record of the replacement goes before it.
type Rejection struct {
	OldSerial string        `json:"old_serial"`
	NewSerial string        `json:"new_serial"`
	Author    string        `json:"author"`
	Date      contract.Date `json:"date"`
	Reason    string        `json:"reason"` // "" when none was given
}

// isRejected says that a person rejected the inferred replacement.
func (r *run) isRejected(x *replacement) bool { return r.rejected[[2]string{x.oldSerial, x.newSerial}] }

func (r *run) indexRejections() {
	r.rejected = map[[2]string]bool{}
	for _, x := range r.Rejections {
		r.rejected[[2]string{inventory.CleanSerial(x.OldSerial), inventory.CleanSerial(x.NewSerial)}] = true
	}
}
