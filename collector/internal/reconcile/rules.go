package reconcile

// A verdict is the coverage of a unit and the line that decides it.
type verdict struct {
	Coverage Coverage
	Reason   string
	line     *line // of the unit, or for RMAPending of the unit that went; nil for none
}

// A coverageRule gives a unit its coverage, or passes.
type coverageRule func(*run, *unit) (verdict, bool)

// coverageRules are the rules of coverage in the order in which they are asked;
// the first that fits decides. The last always fits.
func coverageRules() []coverageRule {
	return []coverageRule{
		byLine,        // covered, expiring, expired, future; unverified where the line's data is no ground
		byReplacement, // rma_pending
		byActivation,  // activation_pending
		byVirtual,     // ineligible: virtual
		byLinksys,     // ineligible: linksys
		byThirdParty,  // ineligible: third_party
		byDeclaration, // ineligible: obtained_elsewhere, returned, retired, not_ours
		byPastSupport, // ineligible: past_support
		byAbsence,     // uncovered, unknown_serial; unverified where absence proves nothing
	}
}

// A findingRule adds the findings of one kind.
type findingRule func(*run)

// findingRules are the rules of findings.
func findingRules() []findingRule {
	return []findingRule{
		findUncovered,
		findRMAMismatch,
		findEqualSerials,
		findExpiring,
		findExpired,
		findActivationOverdue,
		findTermShort,
		findSiteMismatch,
		findLineNotSeen,
		findPIDMismatch,
		findDuplicateSerial,
		findDuplicateLine,
		findSuspectSerial,
		findDataStale,
		findDataUnusable,
		findAnswersStale,
		findAgentSilent,
		findNodeUnreachable,
		findIncomplete,
		findHostKeyChanged,
		findCredentialRefused,
		findWeakAccess,
	}
}

func (r *run) judge(u *unit) verdict {
	for _, rule := range coverageRules() {
		if v, fits := rule(r, u); fits {
			return v
		}
	}
	return verdict{Coverage: Unverified, Reason: NoContractData}
}
