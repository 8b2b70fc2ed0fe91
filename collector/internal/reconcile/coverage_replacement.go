package reconcile

// byReplacement explains a missing line by an RMA, recorded or inferred, while
// the contract still shows the serial that went (FAQ 3.1).
func byReplacement(r *run, u *unit) (verdict, bool) {
	x := r.replaces[u] // with a line of its own, byLine has judged it
	if x == nil {
		return verdict{}, false
	}
	if len(r.stale) > 0 { // the swap may have been made since
		return verdict{Coverage: Unverified, Reason: ContractDataStale, line: x.line}, true
	}
	return verdict{Coverage: RMAPending, line: x.line}, true
}
