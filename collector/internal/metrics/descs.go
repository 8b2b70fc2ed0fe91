package metrics

import (
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// descs are the names, labels and meanings of all metrics; the names and labels
// are kept stable for the alerts and dashboards that people build on them.
type descs struct {
	units, findings, findingInfo, findingInfoOmitted, agentSeen, nodes, imported, build *prometheus.Desc
}

func newDescs() descs {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return descs{
		units: desc("rollcall_units",
			"Units seen, by coverage; all states are present for each site, 0 included.",
			"organization", "site", "coverage"),
		findings: desc("rollcall_findings",
			"Open findings: things that a person should act on.",
			"organization", "site", "kind", "severity"),
		findingInfo: desc("rollcall_finding_info",
			"An open finding, always 1; the label finding is its number on the collector's pages.",
			"organization", "site", "kind", "severity", "node", "serial", "pid", "contract", "finding"),
		findingInfoOmitted: desc("rollcall_finding_info_omitted",
			"Open findings without a rollcall_finding_info series, for the organization has too many.",
			"organization"),
		agentSeen: desc("rollcall_agent_last_seen_timestamp_seconds",
			"When the agent last uploaded, by the collector's clock; 0 when never.",
			"organization", "site", "agent"),
		nodes: desc("rollcall_nodes",
			"Management endpoints by their last poll: complete, incomplete or unanswered.",
			"organization", "site", "state"),
		imported: desc("rollcall_contract_data_imported_timestamp_seconds",
			"When the contract's newest data was imported.",
			"organization", "contract"),
		build: desc("rollcall_build_info",
			"The running collector, always 1.",
			"version", "goversion"),
	}
}

func (d descs) all() []*prometheus.Desc {
	return []*prometheus.Desc{d.units, d.findings, d.findingInfo, d.findingInfoOmitted, d.agentSeen, d.nodes, d.imported, d.build}
}

// send turns the sample into metrics.
func (c *Collector) send(ch chan<- prometheus.Metric, s *sample) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for k, n := range s.units {
		gauge(c.descs.units, float64(n), k.org, k.site, string(k.coverage))
	}
	for k, n := range s.findings {
		gauge(c.descs.findings, float64(n), k.org, k.site, k.kind, k.severity)
	}
	for _, f := range s.infos {
		gauge(c.descs.findingInfo, 1, f.org, f.site, f.kind, f.severity, f.node, f.serial, f.pid, f.contract, strconv.FormatInt(f.id, 10))
	}
	for org, n := range s.omitted {
		gauge(c.descs.findingInfoOmitted, float64(n), org)
	}
	for k, at := range s.agents {
		gauge(c.descs.agentSeen, timestamp(at), k.org, k.site, k.agent)
	}
	for k, n := range s.nodes {
		gauge(c.descs.nodes, float64(n), k.org, k.site, k.state)
	}
	for k, at := range s.imports {
		gauge(c.descs.imported, timestamp(at), k.org, k.contract)
	}
	gauge(c.descs.build, 1, clean(c.Version), runtime.Version())
}
