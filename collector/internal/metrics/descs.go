package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// families are the names, labels and meanings of all metrics; the names and
// labels are kept stable for the alerts and dashboards that people build on
// them. configs/README.md lists them.
type families struct {
	organization, reconciled                                      family
	units, findings, findingInfo, findingInfoOmitted              family
	agent, agentSeen, agentInterval, agentSkew, agentTwice, nodes family
	agentWaiting, agentRefused, agentGaps                         family
	imported, lines, contractUnits, window                        family
	nextEnd, lastEnd, contractsOmitted                            family
	donated, termShort                                            family
	expiring, stale, notSeen, activation, silentIntervals         family
	build                                                         family
}

func newFamilies() families {
	return families{
		organization: newFamily("rollcall_organization_info",
			"An organization, always 1; the label name is as people write it.",
			"name", "organization"),
		reconciled: newFamily("rollcall_organization_reconciled_timestamp_seconds",
			"When the organization was last reconciled, 0 when never.",
			"organization"),
		units: newFamily("rollcall_units",
			"Units seen, by coverage and class; all states of coverage are present for each site and class, 0 included.",
			"class", "coverage", "organization", "site"),
		findings: newFamily("rollcall_findings",
			"Open findings: things that a person should act on.",
			"kind", "organization", "severity", "site"),
		findingInfo: newFamily("rollcall_finding_info",
			"An open finding, always 1; the label finding is its number on the collector's pages.",
			"contract", "finding", "kind", "node", "organization", "pid", "serial", "severity", "site"),
		findingInfoOmitted: newFamily("rollcall_finding_info_omitted",
			"Open findings without a rollcall_finding_info series, for the organization has too many.",
			"organization"),
		agent: newFamily("rollcall_agent_info",
			"An agent in use, always 1; the label version is the program's, as the agent says.",
			"agent", "organization", "site", "version"),
		agentSeen: newFamily("rollcall_agent_last_seen_timestamp_seconds",
			"When the agent last uploaded, by the collector's clock; 0 when never.",
			"agent", "organization", "site"),
		agentInterval: newFamily("rollcall_agent_poll_interval_seconds",
			"Time between two polls of a node, as the agent says; 0 while it has not said.",
			"agent", "organization", "site"),
		agentSkew: newFamily("rollcall_agent_clock_skew_seconds",
			"The agent's clock minus the collector's, at its last upload.",
			"agent", "organization", "site"),
		agentTwice: newFamily("rollcall_agent_runs_twice",
			"Whether two programs report as this agent, as after a copy of its machine: 1 for a week after the last time that they did.",
			"agent", "organization", "site"),
		agentWaiting: newFamily("rollcall_agent_waiting_reports",
			"Reports that waited at the agent when it last uploaded, with those of that upload.",
			"agent", "organization", "site"),
		agentRefused: newFamily("rollcall_agent_quarantined_reports",
			"Reports that were refused for good and that the agent has set aside.",
			"agent", "organization", "site"),
		agentGaps: newFamily("rollcall_agent_missing_reports",
			"Reports missing at most, as noted in the last 30 days, by reason; corrupt counts spools. Absent where nothing is missing.",
			"agent", "organization", "reason", "site"),
		nodes: newFamily("rollcall_nodes",
			"Management endpoints by their last poll: complete, incomplete or unanswered.",
			"organization", "site", "state"),
		imported: newFamily("rollcall_contract_data_imported_timestamp_seconds",
			"When the contract's newest data was imported.",
			"contract", "organization"),
		lines: newFamily("rollcall_contract_lines",
			"Lines of the contract: matched with a unit in use, unmatched, licence, or quantity without serials.",
			"contract", "organization", "state"),
		contractUnits: newFamily("rollcall_contract_units",
			"Units for which a line of the contract decides, by coverage.",
			"contract", "coverage", "organization"),
		window: newFamily("rollcall_contract_expiring_window_seconds",
			"The narrowest of the set windows in which a unit of the contract is expiring; absent when none is.",
			"contract", "organization"),
		nextEnd: newFamily("rollcall_contract_next_end_timestamp_seconds",
			"When the first line of the contract ends that stands for a unit in use; absent when none will.",
			"contract", "organization"),
		lastEnd: newFamily("rollcall_contract_last_end_timestamp_seconds",
			"When the last line of the contract ends, or ended; absent when no line says so.",
			"contract", "organization"),
		contractsOmitted: newFamily("rollcall_contracts_omitted",
			"Contracts without series of their own, for the organization has too many.",
			"organization"),
		donated: newFamily("rollcall_donated_units",
			"Donated units of the ledger of orders: ordered, activation_pending, activation_overdue or on_contract.",
			"organization", "state"),
		termShort: newFamily("rollcall_term_short_lines",
			"Lines of donated gear that run about one year where the program gives more.",
			"organization"),
		expiring: newFamily("rollcall_setting_expiring_seconds",
			"The collector's setting expiring_days; the label window is the number of days.",
			"window"),
		stale: newFamily("rollcall_setting_stale_seconds",
			"The collector's setting stale_days."),
		notSeen: newFamily("rollcall_setting_line_not_seen_seconds",
			"The collector's setting line_not_seen_days."),
		activation: newFamily("rollcall_setting_activation_seconds",
			"The collector's setting activation_days."),
		silentIntervals: newFamily("rollcall_setting_agent_silent_intervals",
			"The collector's setting agent_silent_after."),
		build: newFamily("rollcall_build_info",
			"The running collector, always 1.",
			"goversion", "version"),
	}
}

func (f families) all() []family {
	return []family{
		f.organization, f.reconciled,
		f.units, f.findings, f.findingInfo, f.findingInfoOmitted,
		f.agent, f.agentSeen, f.agentInterval, f.agentSkew, f.agentTwice, f.agentWaiting, f.agentRefused, f.agentGaps, f.nodes,
		f.imported, f.lines, f.contractUnits, f.window, f.nextEnd, f.lastEnd, f.contractsOmitted,
		f.donated, f.termShort,
		f.expiring, f.stale, f.notSeen, f.activation, f.silentIntervals,
		f.build,
	}
}

// describe sends the descriptions of all families, for the registry to check.
func (f families) describe(ch chan<- *prometheus.Desc) {
	for _, x := range f.all() {
		ch <- x.desc
	}
}
