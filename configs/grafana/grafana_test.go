// Package grafana has the dashboards as Go, from which `go test
// ./configs/grafana -update` writes the files in dashboards, and the tests that
// hold them to rules. It is for tests alone: Grafana reads the files.
package grafana

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The JSON of a dashboard, as far as it is used (schema version 39, Grafana 10.4
// and newer).
type (
	dashboard struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		SchemaVersion int        `json:"schemaVersion"`
		Version       int        `json:"version"`
		Editable      bool       `json:"editable"`
		GraphTooltip  int        `json:"graphTooltip"`
		Refresh       string     `json:"refresh"`
		Timezone      string     `json:"timezone"`
		Time          timeRange  `json:"time"`
		Templating    templating `json:"templating"`
		Links         []link     `json:"links"`
		Panels        []panel    `json:"panels"`
	}
	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string      `json:"name"`
		Label      string      `json:"label"`
		Type       string      `json:"type"`
		Query      any         `json:"query"`
		Datasource *datasource `json:"datasource,omitempty"`
		Definition string      `json:"definition,omitempty"`
		Regex      string      `json:"regex"`
		Refresh    int         `json:"refresh"`
		Sort       int         `json:"sort,omitempty"`
		IncludeAll bool        `json:"includeAll"`
		AllValue   string      `json:"allValue,omitempty"`
		Multi      bool        `json:"multi"`
		Hide       int         `json:"hide"`
	}
	datasource struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	link struct {
		Title       string   `json:"title"`
		Type        string   `json:"type"`
		URL         string   `json:"url"`
		Icon        string   `json:"icon"` // of a link of kind "link"
		Tooltip     string   `json:"tooltip"`
		Tags        []string `json:"tags"`
		AsDropdown  bool     `json:"asDropdown"`
		IncludeVars bool     `json:"includeVars"`
		KeepTime    bool     `json:"keepTime"`
		TargetBlank bool     `json:"targetBlank"`
	}
	panel struct {
		ID              int              `json:"id"`
		Title           string           `json:"title"`
		Description     string           `json:"description"`
		Type            string           `json:"type"`
		Datasource      datasource       `json:"datasource"`
		GridPos         gridPos          `json:"gridPos"`
		Targets         []target         `json:"targets"`
		FieldConfig     fieldConfig      `json:"fieldConfig"`
		Options         map[string]any   `json:"options"`
		Transformations []transformation `json:"transformations,omitempty"`
		Links           []link           `json:"links,omitempty"`
	}
	gridPos struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	target struct {
		RefID        string     `json:"refId"`
		Datasource   datasource `json:"datasource"`
		Expr         string     `json:"expr"`
		LegendFormat string     `json:"legendFormat,omitempty"`
		Instant      bool       `json:"instant"`
		Range        bool       `json:"range"`
		Format       string     `json:"format,omitempty"`
	}
	fieldConfig struct {
		Defaults  field      `json:"defaults"`
		Overrides []override `json:"overrides"`
	}
	field struct {
		Unit     string         `json:"unit"`
		NoValue  string         `json:"noValue"`
		Decimals *int           `json:"decimals,omitempty"`
		Min      *float64       `json:"min,omitempty"`
		Color    map[string]any `json:"color,omitempty"`
		Custom   map[string]any `json:"custom,omitempty"`
	}
	override struct {
		Matcher    matcher    `json:"matcher"`
		Properties []property `json:"properties"`
	}
	matcher struct {
		ID      string `json:"id"`
		Options string `json:"options"`
	}
	property struct {
		ID    string `json:"id"`
		Value any    `json:"value"`
	}
	transformation struct {
		ID      string         `json:"id"`
		Options map[string]any `json:"options"`
	}
)

var prometheus = datasource{"prometheus", "${datasource}"}

// colours are mostly those of Okabe and Ito: people with any sort of colour vision
// tell them apart, as TestColours holds. No panel says anything by colour alone.
var colours = map[string]string{
	"covered": "#0072B2", "expiring": "#E69F00", "uncovered": "#D55E00", "expired": "#CC79A7", "rma_pending": "#661144",
	"unverified": "#646464", "unknown_serial": "#F0E442", "activation_pending": "#56B4E9", "future": "#009E73", "ineligible": "#CCCCCC",
	"critical": "#D55E00", "warning": "#E69F00", "info": "#56B4E9",
	"complete": "#0072B2", "incomplete": "#E69F00", "unanswered": "#D55E00",
}

// readable are the words of the collector's pages for the values of two labels,
// as its package document holds.
var readable = map[string]map[string]string{
	"coverage": {
		"uncovered": "No cover", "rma_pending": "Replaced", "expired": "Expired", "expiring": "Ends soon", "unknown_serial": "Unknown serial",
		"unverified": "Not verified", "activation_pending": "Being activated", "future": "Begins later", "ineligible": "Not eligible", "covered": "Covered",
	},
	"kind": {
		"uncovered_unit": "On no contract", "rma_mismatch": "Replaced, but the contract lists the old serial", "line_not_seen": "On the contract, but not seen",
		"coverage_expiring": "Cover ends soon", "coverage_expired": "Cover has ended", "term_short": "One year of cover where five are due",
		"activation_overdue": "Contract not active yet", "site_mismatch": "Contract names another site", "pid_mismatch": "Contract names another product",
		"duplicate_serial": "One serial seen twice", "suspect_serial": "Serial looks wrong", "duplicate_line": "On the contract twice",
		"contract_data_stale": "Contract data is old", "agent_silent": "Agent is silent", "node_unreachable": "Device does not answer",
		"poll_incomplete": "Device not read completely", "host_key_changed": "SSH host key changed", "credential_refused": "Credential refused",
		"weak_access": "Weak access in use",
	},
}

// A builder places panels in rows of 24 columns, from left to right.
type builder struct {
	dashboard
	x, y, row int
}

func newDashboard(uid, title, description string, variables ...variable) *builder {
	own := "rollcall"
	return &builder{dashboard: dashboard{
		UID: "rollcall-" + uid, Title: "Rollcall: " + title, Description: description, Tags: []string{own}, SchemaVersion: 39, Version: 1,
		Editable: true, GraphTooltip: 1, Refresh: "1m", Timezone: "browser", Time: timeRange{"now-30d", "now"},
		Templating: templating{append([]variable{
			{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1},
			ask("collector", "Collector", "label_values(rollcall_build_info, collector)", hidden),
		}, variables...)},
		Links: []link{
			{Title: "Rollcall", Type: "dashboards", Tags: []string{own}, AsDropdown: true, IncludeVars: true, KeepTime: true},
			{Title: "Pages of the collector", Type: "link", URL: "$collector/", Icon: "external link", Tags: []string{}, TargetBlank: true},
			{Title: "Help", Type: "link", URL: "$collector/help/", Icon: "question", Tags: []string{}, TargetBlank: true},
		},
	}}
}

// Hiding a variable.
const (
	shown  = 0
	hidden = 2
)

func ask(name, label, query string, hide int) variable {
	return variable{
		Name: name, Label: label, Type: "query", Datasource: &prometheus, Definition: query, Refresh: 2, Sort: 1, Hide: hide,
		Query: map[string]string{"query": query, "refId": name},
	}
}

// organization is shown by name and asked for by ID.
func organization() variable {
	v := ask("organization", "Organization", "query_result(rollcall_organization_info)", shown)
	v.Regex = `/name="(?<text>[^"]*)".*organization="(?<value>[^"]*)"/`
	return v
}

// add places a panel. Those of a row are as high as the highest.
func (b *builder) add(w, h int, p panel) {
	if b.x+w > 24 {
		b.x, b.y, b.row = 0, b.y+b.row, 0
	}
	p.ID, p.Datasource, p.GridPos = len(b.Panels)+1, prometheus, gridPos{H: h, W: w, X: b.x, Y: b.y}
	b.x, b.row = b.x+w, max(b.row, h)
	for i := range p.Targets {
		p.Targets[i].RefID, p.Targets[i].Datasource = string(rune('A'+i)), prometheus
	}
	if p.FieldConfig.Overrides == nil {
		p.FieldConfig.Overrides = []override{}
	}
	b.Panels = append(b.Panels, p)
	for i := range b.Panels {
		if g := &b.Panels[i].GridPos; g.Y == b.y {
			g.H = b.row
		}
	}
}

// words are what every panel needs of its author.
type words struct {
	title, description string
	empty              string // what it says when there is nothing, and why
	unit               string
}

func (w words) panel(kind string, options map[string]any, targets ...target) panel {
	return panel{
		Title: w.title, Description: w.description, Type: kind, Targets: targets, Options: options,
		FieldConfig: fieldConfig{Defaults: field{Unit: cmp.Or(w.unit, "short"), NoValue: w.empty}},
	}
}

func now(expr string) target { return target{Expr: expr, Instant: true} }

// stat is one number, with a link to where it comes from.
func (b *builder) stat(w words, colour, expr string, links ...link) {
	p := w.panel("stat", map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"colorMode":     "value", "graphMode": "none", "textMode": "value", "justifyMode": "center", "orientation": "auto",
	}, now(expr))
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "fixed", "fixedColor": cmp.Or(colours[colour], "text")}
	p.Links = links
	b.add(4, 4, p)
}

// bars is one number for each value of a label.
func (b *builder) bars(width int, w words, label, expr string) {
	t := now(expr)
	t.LegendFormat = "{{" + label + "}}"
	p := w.panel("bargauge", map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"displayMode":   "basic", "orientation": "horizontal", "showUnfilled": false, "valueMode": "text", "minVizHeight": 16,
	}, t)
	p.FieldConfig.Defaults.Min = new(float64)
	p.FieldConfig.Overrides = named(label)
	b.add(width, 8, p)
}

// pie is for parts of a whole alone.
func (b *builder) pie(width int, w words, label, expr string) {
	t := now(expr)
	t.LegendFormat = "{{" + label + "}}"
	p := w.panel("piechart", map[string]any{
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"pieType":       "donut", "displayLabels": []string{"name", "value"}, "tooltip": map[string]any{"mode": "multi", "sort": "none"},
		"legend": map[string]any{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{}, "values": []string{"value", "percent"}},
	}, t)
	p.FieldConfig.Overrides = named(label)
	b.add(width, 8, p)
}

// graph is a line for each value of a label over time.
func (b *builder) graph(width int, w words, label string, stack bool, exprs ...string) {
	var targets []target
	for _, e := range exprs {
		targets = append(targets, target{Expr: e, Range: true, LegendFormat: "{{" + label + "}}"})
	}
	p := w.panel("timeseries", map[string]any{
		"legend":  map[string]any{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull"}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}, targets...)
	p.FieldConfig.Defaults.Min = new(float64)
	p.FieldConfig.Defaults.Custom = map[string]any{"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "showPoints": "auto", "spanNulls": 3600000}
	if stack {
		p.FieldConfig.Defaults.Custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
		p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	}
	p.FieldConfig.Overrides = named(label)
	b.add(width, 9, p)
}

// named gives each value of a label its colour and its words.
func named(label string) []override {
	properties := map[string][]property{}
	for name, colour := range colours {
		properties[name] = append(properties[name], property{"color", map[string]any{"mode": "fixed", "fixedColor": colour}})
	}
	for name, words := range readable[label] {
		properties[name] = append(properties[name], property{"displayName", words})
	}
	var all []override
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		all = append(all, override{matcher{"byName", name}, properties[name]})
	}
	return all
}

// mapped shows the values of a label in a table by their words.
func mapped(label string) property {
	options := map[string]any{}
	for i, name := range slices.Sorted(maps.Keys(readable[label])) {
		options[name] = map[string]any{"text": readable[label][name], "index": i}
	}
	return property{"mappings", []map[string]any{{"type": "value", "options": options}}}
}

// A column of a table: a query's value, or a label of all queries.
type column struct {
	expr  string // "" for a label
	label string
	title string
	unit  string
	link  string // address, with ${__value.raw:percentencode} and ${__data.fields.TITLE:percentencode}
}

// table has one row for each set of the labels.
func (b *builder) table(width, height int, w words, columns ...column) {
	var targets []target
	exclude, rename, order := map[string]bool{"Time": true}, map[string]string{}, map[string]int{}
	var overrides []override
	for i, c := range columns {
		name := c.label
		if c.expr != "" {
			t := now(c.expr)
			t.Format = "table"
			targets = append(targets, t)
			name = "Value #" + string(rune('A'+len(targets)-1))
		}
		rename[name], order[name] = c.title, i
		var properties []property
		if c.unit != "" {
			properties = append(properties, property{"unit", c.unit})
		}
		if c.link != "" {
			properties = append(properties, property{"links", []map[string]any{{"title": "Open", "url": c.link}}})
		}
		if readable[c.label] != nil {
			properties = append(properties, mapped(c.label))
		}
		if len(properties) > 0 {
			overrides = append(overrides, override{matcher{"byName", c.title}, properties})
		}
	}
	if len(targets) == 1 { // a single query's value has no letter
		for i, c := range columns {
			if c.expr != "" {
				delete(rename, "Value #A")
				delete(order, "Value #A")
				rename["Value"], order["Value"] = c.title, i
				exclude["Value"] = c.title == ""
			}
		}
	}
	for _, l := range []string{
		"__name__", "collector", "instance", "job", "name", // of no use in a table; and those of a finding that are no column
		"contract", "finding", "kind", "node", "organization", "pid", "serial", "severity", "site",
	} {
		if _, used := rename[l]; !used {
			exclude[l] = true
		}
	}
	p := w.panel("table", map[string]any{"showHeader": true, "cellHeight": "sm"}, targets...)
	p.FieldConfig.Overrides = overrides
	p.FieldConfig.Defaults.Custom = map[string]any{"filterable": true, "align": "auto"}
	p.Transformations = []transformation{
		{"merge", map[string]any{}},
		{"organize", map[string]any{"excludeByName": exclude, "renameByName": rename, "indexByName": order}},
	}
	b.add(width, height, p)
}

// to is the address of another dashboard, with variables as it needs them.
func to(uid string, vars ...string) string {
	url := "/d/rollcall-" + uid + "?${datasource:queryparam}"
	for i := 0; i < len(vars); i += 2 {
		url += fmt.Sprintf("&var-%s=%s", vars[i], vars[i+1])
	}
	return url
}

func page(path string) link {
	return link{Title: "In the collector", Type: "link", URL: "$collector" + path, Tags: []string{}, TargetBlank: true}
}

func (d dashboard) encode() ([]byte, error) {
	raw, err := json.MarshalIndent(d, "", "  ")
	return append(raw, '\n'), err
}
