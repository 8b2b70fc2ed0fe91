package grafana

const (
	without  = `coverage=~"uncovered|expired|rma_pending"`
	unknown  = `coverage=~"unverified|unknown_serial"`
	orgOnly  = `organization="$organization"`
	siteOnly = `organization="$organization",site="$site"`
)

func dashboards() []dashboard {
	return []dashboard{portfolio(), ofOrganization(), ofSite(), ofContract(), operation()}
}

// portfolio is for whoever looks after many organizations.
func portfolio() dashboard {
	b := newDashboard("portfolio", "portfolio", "All organizations: who has devices without support, and whose contracts end next.")
	b.stat(words{"Organizations", "Organizations that the collector knows.", "No organization yet: make a token for a first agent.", ""}, "",
		`count(rollcall_organization_info)`, page("/organizations"))
	b.stat(words{"Units in use", "Chassis, stack members, access points and appliances that agents see.", "Nothing was seen yet: does an agent report?", ""}, "",
		`sum(rollcall_units)`, page("/"))
	b.stat(words{"Covered", "Share of the units that can be covered which a contract covers today.", "Nothing was seen yet, so there is no share.", "percentunit"}, "covered",
		`sum(rollcall_units{coverage=~"covered|expiring"}) / (sum(rollcall_units{coverage!="ineligible"}) > 0)`, page("/"))
	b.stat(words{"Without support", "Units that Cisco will not replace when they break: uncovered, expired, or replaced without the contract knowing.", "Nothing was seen yet: does an agent report?", ""}, "uncovered",
		`sum(rollcall_units{`+without+`})`, page("/findings"))
	b.stat(words{"Not known", "Units without a verdict: contract data is missing or old, a device was not read in full, or the vendor knows no such serial.", "Nothing was seen yet: does an agent report?", ""}, "unverified",
		`sum(rollcall_units{`+unknown+`})`, page("/"))
	b.stat(words{"Urgent findings", "Open findings of severity critical.", "No figures: can Prometheus read the collector?", ""}, "critical",
		`sum(rollcall_findings{severity="critical"}) or 0 * sum(rollcall_build_info)`, page("/findings"))
	b.pie(8, words{"Units by coverage", "Every unit has exactly one state.", "Nothing was seen yet: does an agent report?", ""}, "coverage",
		`sum by (coverage) (rollcall_units) > 0`)
	b.graph(16, words{"Units by coverage over time", "From the recorded totals of rollcall.rules.yml.", "No history yet: Prometheus needs the recording rules of rollcall.rules.yml.", ""}, "coverage", true,
		`sum by (coverage) (organization_coverage:rollcall_units:sum) > 0`)
	b.table(24, 12, words{"Each organization", "One row for each organization; the name leads to its dashboard.", "No organization yet: make a token for a first agent.", ""},
		column{label: "organization", title: "Organization", link: to("organization", "organization", "${__value.raw:percentencode}")},
		column{expr: `sum by (organization) (rollcall_units)`, title: "Units"},
		column{expr: `sum by (organization) (rollcall_units{` + without + `})`, title: "Without support"},
		column{expr: `sum by (organization) (rollcall_units{` + unknown + `})`, title: "Not known"},
		column{expr: `sum by (organization) (rollcall_findings)`, title: "Findings"},
		column{expr: `1000 * min by (organization) (rollcall_contract_next_end_timestamp_seconds)`, title: "Next end", unit: "dateTimeAsIso"},
		column{expr: `time() - min by (organization) (rollcall_contract_data_imported_timestamp_seconds)`, title: "Oldest contract data", unit: "s"},
	)
	b.table(12, 10, words{"Contracts that end next", "The 20 contracts whose first line in use ends soonest.", "No contract with an end ahead was imported.", ""},
		column{label: "organization", title: "Organization", link: to("organization", "organization", "${__value.raw:percentencode}")},
		column{label: "contract", title: "Contract", link: to("contract", "organization", "${__data.fields.Organization:percentencode}", "contract", "${__value.raw:percentencode}")},
		column{expr: `sort(bottomk(20, min by (organization, contract) (rollcall_contract_next_end_timestamp_seconds) - time()))`, title: "Ends in", unit: "s"},
	)
	b.bars(12, words{"Findings by kind", "Open findings of all organizations.", "No open findings: nothing to do.", ""}, "kind",
		`sort_desc(sum by (kind) (rollcall_findings))`)
	return b.dashboard
}

// ofOrganization is for the people of one.
func ofOrganization() dashboard {
	b := newDashboard("organization", "organization", "One organization: what is covered, what to do, its contracts, sites and agents.", organization())
	b.stat(words{"Units in use", "Chassis, stack members, access points and appliances that agents see.", "Nothing was seen yet: does an agent report?", ""}, "",
		`sum(rollcall_units{`+orgOnly+`})`, page("/?organization=$organization"))
	b.stat(words{"Covered", "Share of the units that can be covered which a contract covers today.", "Nothing was seen yet, so there is no share.", "percentunit"}, "covered",
		`sum(rollcall_units{`+orgOnly+`,coverage=~"covered|expiring"}) / (sum(rollcall_units{`+orgOnly+`,coverage!="ineligible"}) > 0)`)
	b.stat(words{"Without support", "Units that Cisco will not replace when they break.", "Nothing was seen yet: does an agent report?", ""}, "uncovered",
		`sum(rollcall_units{`+orgOnly+`,`+without+`})`, page("/findings?organization=$organization"))
	b.stat(words{"Urgent findings", "Open findings of severity critical.", "No figures: can Prometheus read the collector?", ""}, "critical",
		`sum(rollcall_findings{`+orgOnly+`,severity="critical"}) or 0 * sum(rollcall_organization_info{`+orgOnly+`})`, page("/findings?organization=$organization"))
	b.stat(words{"Next end", "When the first line of a contract ends that stands for a unit in use.", "No contract with an end ahead was imported.", "dateTimeAsIso"}, "expiring",
		`1000 * min(rollcall_contract_next_end_timestamp_seconds{`+orgOnly+`})`)
	b.stat(words{"Last judged", "When the collector last held this organization's devices against its contracts.", "Never yet: nothing of this organization has come in.", "dateTimeFromNow"}, "",
		`1000 * (max(rollcall_organization_reconciled_timestamp_seconds{`+orgOnly+`}) > 0)`)
	b.pie(8, words{"Units by coverage", "Every unit has exactly one state.", "Nothing was seen yet: does an agent report?", ""}, "coverage",
		`sum by (coverage) (rollcall_units{`+orgOnly+`}) > 0`)
	b.graph(16, words{"Units by coverage over time", "From the recorded totals of rollcall.rules.yml.", "No history yet: Prometheus needs the recording rules of rollcall.rules.yml.", ""}, "coverage", true,
		`sum by (coverage) (organization_coverage:rollcall_units:sum{`+orgOnly+`}) > 0`)
	b.table(24, 12, words{"What to do", "Open findings; the number leads to its page, with the next step.", "No open findings: nothing to do.", ""},
		column{label: "finding", title: "Finding", link: "$collector/findings/${__value.raw:percentencode}"},
		column{label: "severity", title: "Severity"}, column{label: "kind", title: "Kind"},
		column{label: "site", title: "Site"}, column{label: "node", title: "Device"}, column{label: "pid", title: "Product"},
		column{label: "serial", title: "Serial number"}, column{label: "contract", title: "Contract", link: to("contract", "organization", "$organization", "contract", "${__value.raw:percentencode}")},
		column{expr: `rollcall_finding_info{` + orgOnly + `}`, title: ""},
	)
	b.table(14, 9, words{"Contracts", "Lines, units that they cover, the next end, and how old the data is.", "No contract was imported yet.", ""},
		column{label: "contract", title: "Contract", link: to("contract", "organization", "$organization", "contract", "${__value.raw:percentencode}")},
		column{expr: `sum by (contract) (rollcall_contract_lines{` + orgOnly + `})`, title: "Lines"},
		column{expr: `sum by (contract) (rollcall_contract_lines{` + orgOnly + `,state="unmatched"})`, title: "Not seen"},
		column{expr: `sum by (contract) (rollcall_contract_units{` + orgOnly + `,coverage=~"covered|expiring"})`, title: "Units covered"},
		column{expr: `1000 * min by (contract) (rollcall_contract_next_end_timestamp_seconds{` + orgOnly + `})`, title: "Next end", unit: "dateTimeAsIso"},
		column{expr: `time() - max by (contract) (rollcall_contract_data_imported_timestamp_seconds{` + orgOnly + `})`, title: "Age of the data", unit: "s"},
	)
	b.table(10, 9, words{"Sites", "The name leads to the site's dashboard.", "No site yet: make a token for a first agent.", ""},
		column{label: "site", title: "Site", link: to("site", "organization", "$organization", "site", "${__value.raw:percentencode}")},
		column{expr: `sum by (site) (rollcall_units{` + orgOnly + `})`, title: "Units"},
		column{expr: `sum by (site) (rollcall_units{` + orgOnly + `,` + without + `})`, title: "Without support"},
		column{expr: `sum by (site) (rollcall_nodes{` + orgOnly + `,state!="complete"})`, title: "Devices not read in full"},
	)
	b.bars(12, words{"Donated units", "Units of the ledger of orders, by what became of their contract.", "No ledger of donation orders was imported.", ""}, "state",
		`sum by (state) (rollcall_donated_units{`+orgOnly+`})`)
	b.bars(12, words{"Findings by kind", "Open findings of this organization.", "No open findings: nothing to do.", ""}, "kind",
		`sort_desc(sum by (kind) (rollcall_findings{`+orgOnly+`}))`)
	return b.dashboard
}

// ofSite is for whoever stands in front of the devices.
func ofSite() dashboard {
	b := newDashboard("site", "site", "One site: its devices, its agent, and what to do there.", organization(),
		ask("site", "Site", `label_values(rollcall_nodes{`+orgOnly+`}, site)`, shown))
	b.stat(words{"Units in use", "Chassis, stack members, access points and appliances that are seen here.", "Nothing was seen here yet.", ""}, "",
		`sum(rollcall_units{`+siteOnly+`})`)
	b.stat(words{"Without support", "Units here that Cisco will not replace when they break.", "Nothing was seen here yet.", ""}, "uncovered",
		`sum(rollcall_units{`+siteOnly+`,`+without+`})`)
	b.stat(words{"Devices", "Management endpoints that are polled here.", "No device was polled here yet.", ""}, "",
		`sum(rollcall_nodes{`+siteOnly+`})`)
	b.stat(words{"Not read in full", "Devices whose last poll was incomplete or unanswered: what they hold is not verified.", "No device was polled here yet.", ""}, "incomplete",
		`sum(rollcall_nodes{`+siteOnly+`,state!="complete"})`)
	b.stat(words{"Agent last heard", "When the agent of this site last uploaded.", "No agent here has ever reported.", "dateTimeFromNow"}, "",
		`1000 * (max(rollcall_agent_last_seen_timestamp_seconds{`+siteOnly+`}) > 0)`)
	b.stat(words{"Findings here", "Open findings of this site.", "No figures: can Prometheus read the collector?", ""}, "critical",
		`sum(rollcall_findings{`+siteOnly+`}) or 0 * sum(rollcall_nodes{`+siteOnly+`})`)
	b.bars(12, words{"Units by coverage", "Every unit has exactly one state.", "Nothing was seen here yet.", ""}, "coverage",
		`sum by (coverage) (rollcall_units{`+siteOnly+`}) > 0`)
	b.bars(12, words{"Units by class", "The physical class, as the devices say it.", "Nothing was seen here yet.", ""}, "class",
		`sum by (class) (rollcall_units{`+siteOnly+`})`)
	b.graph(24, words{"Devices by their last poll", "Devices that answer in full, in part and not at all.", "No device was polled here yet.", ""}, "state", true,
		`sum by (state) (rollcall_nodes{`+siteOnly+`})`)
	b.table(24, 10, words{"What to do here", "Open findings of this site; the number leads to its page, with the next step.", "No open findings at this site: nothing to do.", ""},
		column{label: "finding", title: "Finding", link: "$collector/findings/${__value.raw:percentencode}"},
		column{label: "severity", title: "Severity"}, column{label: "kind", title: "Kind"}, column{label: "node", title: "Device"},
		column{label: "pid", title: "Product"}, column{label: "serial", title: "Serial number"}, column{label: "contract", title: "Contract"},
		column{expr: `rollcall_finding_info{` + siteOnly + `}`, title: ""},
	)
	b.table(24, 6, words{"Agents", "Who watches this site.", "No agent is set up for this site.", ""},
		column{label: "agent", title: "Agent"}, column{label: "version", title: "Version"},
		column{expr: `time() - max by (agent, version) (rollcall_agent_last_seen_timestamp_seconds{` + siteOnly + `} > 0) * on (agent) group_left (version) max by (agent, version) (rollcall_agent_info{` + siteOnly + `})`, title: "Last heard before", unit: "s"},
		column{expr: `max by (agent, version) (rollcall_agent_poll_interval_seconds{` + siteOnly + `} * on (agent) group_left (version) max by (agent, version) (rollcall_agent_info{` + siteOnly + `}))`, title: "Polls each", unit: "s"},
	)
	return b.dashboard
}

// ofContract is for renewals, and for one serial number.
func ofContract() dashboard {
	contract := orgOnly + `,contract="$contract"`
	serial := ask("serial", "Serial number", `label_values(rollcall_finding_info{`+orgOnly+`,serial!=""}, serial)`, shown)
	b := newDashboard("contract", "unit and contract", "One contract: its lines, its units and when they end; and what is open about one unit.", organization(),
		ask("contract", "Contract", `label_values(rollcall_contract_lines{`+orgOnly+`}, contract)`, shown), serial)
	b.stat(words{"Lines", "Lines of the contract, licences and quantities too.", "This contract has no lines.", ""}, "",
		`sum(rollcall_contract_lines{`+contract+`})`)
	b.stat(words{"Units covered", "Units that a line of this contract covers today.", "No unit is covered by this contract.", ""}, "covered",
		`sum(rollcall_contract_units{`+contract+`,coverage=~"covered|expiring"})`)
	b.stat(words{"Lines without a unit", "Lines whose serial number is not seen at present.", "This contract has no lines.", ""}, "unverified",
		`sum(rollcall_contract_lines{`+contract+`,state="unmatched"})`)
	b.stat(words{"Next end", "When the first line ends that stands for a unit in use.", "No line of a unit in use has an end ahead.", "dateTimeAsIso"}, "expiring",
		`1000 * max(rollcall_contract_next_end_timestamp_seconds{`+contract+`})`)
	b.stat(words{"Last end", "When the last line ends, or ended.", "No line says when it ends.", "dateTimeAsIso"}, "",
		`1000 * max(rollcall_contract_last_end_timestamp_seconds{`+contract+`})`)
	b.stat(words{"Age of the data", "Since the newest import of this contract.", "This contract was never imported.", "s"}, "",
		`time() - max(rollcall_contract_data_imported_timestamp_seconds{`+contract+`})`)
	b.bars(12, words{"Units by coverage", "Units for which a line of this contract decides.", "No unit has a line of this contract.", ""}, "coverage",
		`sum by (coverage) (rollcall_contract_units{`+contract+`})`)
	b.bars(12, words{"Lines by what they stand for", "Matched with a unit in use, not seen at present, licences, and quantities without serial numbers.", "This contract has no lines.", ""}, "state",
		`sum by (state) (rollcall_contract_lines{`+contract+`})`)
	b.graph(24, words{"Units by coverage over time", "Units for which a line of this contract decides.", "No unit has a line of this contract.", ""}, "coverage", true,
		`sum by (coverage) (rollcall_contract_units{`+contract+`})`)
	b.table(24, 9, words{"Findings of this contract", "Open findings that name this contract; the number leads to its page.", "No open findings of this contract: nothing to do.", ""},
		column{label: "finding", title: "Finding", link: "$collector/findings/${__value.raw:percentencode}"},
		column{label: "severity", title: "Severity"}, column{label: "kind", title: "Kind"}, column{label: "site", title: "Site"},
		column{label: "node", title: "Device"}, column{label: "pid", title: "Product"}, column{label: "serial", title: "Serial number"},
		column{expr: `rollcall_finding_info{` + contract + `}`, title: ""},
	)
	b.table(24, 7, words{"Unit $serial", "What is open about the unit with this serial number; the collector's page has its history and its contract line.", "Nothing is open about this unit: nothing to do.", ""},
		column{label: "finding", title: "Finding", link: "$collector/findings/${__value.raw:percentencode}"},
		column{label: "severity", title: "Severity"}, column{label: "kind", title: "Kind"}, column{label: "site", title: "Site"},
		column{label: "node", title: "Device"}, column{label: "pid", title: "Product", link: "$collector/unit?organization=$organization&pid=${__value.raw:percentencode}&serial=${serial:percentencode}"},
		column{label: "contract", title: "Contract"},
		column{expr: `rollcall_finding_info{` + orgOnly + `,serial="$serial"}`, title: ""},
	)
	return b.dashboard
}

// operation is for whoever runs Rollcall itself.
func operation() dashboard {
	b := newDashboard("operations", "operations", "Rollcall itself: the collector's work, what comes in, and the agents.")
	b.stat(words{"Collectors", "Collectors that Prometheus can read now.", "No collector can be read: is it running, and is its address right?", ""}, "covered",
		`count(rollcall_build_info)`)
	b.stat(words{"Organizations waiting", "Organizations that changed and are not judged again yet. It comes back to 0 within seconds.", "No collector can be read.", ""}, "",
		`sum(rollcall_reconcile_pending_organizations)`)
	b.stat(words{"Last result", "When an organization was last judged.", "None since the collector was started.", "dateTimeFromNow"}, "",
		`1000 * (max(rollcall_reconcile_last_success_timestamp_seconds) > 0)`)
	b.stat(words{"Series", "Series that the last scrape of the collector had.", "No scrape of the collector yet.", ""}, "",
		`sum(scrape_samples_scraped and on (job, instance) rollcall_build_info)`)
	b.stat(words{"Time of a scrape", "How long Prometheus waited for the collector.", "No scrape of the collector yet.", "s"}, "",
		`max(scrape_duration_seconds and on (job, instance) rollcall_build_info)`)
	b.stat(words{"Left out", "Findings and contracts without a series, for their organization has too many.", "No collector can be read.", ""}, "warning",
		`sum(rollcall_finding_info_omitted) + sum(rollcall_contracts_omitted)`)
	b.graph(12, words{"Uploads by answer", "Batches of reports each second, by the HTTP status of the answer.", "No agent has uploaded since the collector was started.", "ops"}, "code", false,
		`sum by (code) (rate(rollcall_ingest_batches_total[$__rate_interval]))`)
	b.graph(12, words{"Reports by what became of them", "Reports each second: stored, already there, or refused.", "No agent has uploaded since the collector was started.", "ops"}, "status", false,
		`sum by (status) (rate(rollcall_ingest_reports_total[$__rate_interval]))`)
	b.graph(12, words{"Organizations judged", "Runs each second, by how they ended.", "No collector can be read.", "ops"}, "result", false,
		`sum by (result) (rate(rollcall_reconcile_runs_total[$__rate_interval]))`)
	b.graph(12, words{"Time to judge an organization", "Nine of ten runs take at most this long, and half of them.", "No run in this time.", "s"}, "quantile", false,
		`label_replace(histogram_quantile(0.9, sum by (le) (rate(rollcall_reconcile_duration_seconds_bucket[$__rate_interval]))) >= 0, "quantile", "9 of 10", "", "")`,
		`label_replace(histogram_quantile(0.5, sum by (le) (rate(rollcall_reconcile_duration_seconds_bucket[$__rate_interval]))) >= 0, "quantile", "half", "", "")`)
	b.graph(12, words{"Time to answer an upload", "Nine of ten uploads are answered within this time.", "No upload in this time.", "s"}, "quantile", false,
		`label_replace(histogram_quantile(0.9, sum by (le) (rate(rollcall_ingest_duration_seconds_bucket[$__rate_interval]))) >= 0, "quantile", "9 of 10", "", "")`)
	b.graph(12, words{"Memory", "Resident memory of the collector.", "The system does not say: it is known on Linux and Windows alone.", "bytes"}, "instance", false,
		`process_resident_memory_bytes and on (job, instance) rollcall_build_info`)
	b.table(24, 10, words{"Agents", "When each agent was last heard, how often it polls, and how far its clock is off.", "No agent is set up yet: make a token.", ""},
		column{label: "organization", title: "Organization", link: to("organization", "organization", "${__value.raw:percentencode}")},
		column{label: "site", title: "Site"}, column{label: "agent", title: "Agent"},
		column{expr: `time() - (max by (organization, site, agent) (rollcall_agent_last_seen_timestamp_seconds) > 0)`, title: "Last heard before", unit: "s"},
		column{expr: `max by (organization, site, agent) (rollcall_agent_poll_interval_seconds)`, title: "Polls each", unit: "s"},
		column{expr: `max by (organization, site, agent) (rollcall_agent_clock_skew_seconds)`, title: "Clock off by", unit: "s"},
	)
	b.graph(12, words{"Agents' reports that wait", "Share of the space for reports that wait, of the agents that Prometheus scrapes.", "No agent is scraped: set metrics.listen in agent.yaml, and name it in prometheus.yml.", "percentunit"}, "instance", false,
		`rollcall_agent_spool_bytes / rollcall_agent_spool_max_bytes`)
	b.bars(12, words{"Agents by version", "The version that each agent says.", "No agent has said its version yet.", ""}, "version",
		`count by (version) (rollcall_agent_info)`)
	b.table(24, 6, words{"Messages", "What mails and webhooks have to tell still, and when something was given up that they did not take.", "Nothing is sent: notify in collector.yaml is not set up.", ""},
		column{label: "receiver", title: "Receiver", link: "$collector/help/notifications"},
		column{expr: `max by (receiver) (rollcall_notify_waiting)`, title: "Waiting"},
		column{expr: `time() - (min by (receiver) (rollcall_notify_oldest_waiting_timestamp_seconds) > 0)`, title: "Waits for", unit: "s"},
		column{expr: `1000 * (max by (receiver) (rollcall_notify_last_given_up_timestamp_seconds) > 0)`, title: "Last given up", unit: "dateTimeFromNow"},
	)
	return b.dashboard
}
