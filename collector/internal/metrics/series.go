package metrics

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A family is one metric: its name, and its labels in their order in the text,
// which is the alphabet's.
type family struct {
	desc   *prometheus.Desc
	labels []string
}

func newFamily(name, help string, labels ...string) family {
	if !slices.IsSorted(labels) {
		panic("metrics: labels of " + name + " are not sorted")
	}
	return family{prometheus.NewDesc(name, help, labels, nil), labels}
}

// A series is one gauge. A prometheus.MustNewConstMetric would copy and sort
// the labels of each, which is most of the time of a large scrape; these point
// to where the values are.
type series struct {
	desc  *prometheus.Desc
	pairs []*dto.LabelPair
	value float64
}

// Desc implements prometheus.Metric.
func (s *series) Desc() *prometheus.Desc { return s.desc }

// Write implements prometheus.Metric.
func (s *series) Write(m *dto.Metric) error {
	m.Label = s.pairs
	m.Gauge = &dto.Gauge{Value: &s.value}
	return nil
}

// A batch is the series of one family in the making. Its memory is taken in
// whole, for the size of a batch is known before.
type batch struct {
	family
	series []series
	pairs  []dto.LabelPair
	refs   []*dto.LabelPair
}

func (f family) batch(n int) *batch {
	k := n * len(f.labels)
	return &batch{family: f, series: make([]series, 0, n), pairs: make([]dto.LabelPair, k), refs: make([]*dto.LabelPair, 0, k)}
}

// add appends a series whose labels have these values, in the family's order.
// They stay the caller's and may not change until the scrape is over.
func (b *batch) add(value float64, values ...*string) {
	from := len(b.refs)
	for i, v := range values {
		pair := &b.pairs[from+i]
		pair.Name, pair.Value = &b.labels[i], v
		b.refs = append(b.refs, pair)
	}
	b.series = append(b.series, series{b.desc, b.refs[from:len(b.refs):len(b.refs)], value})
}

// send sends the series in the order of their labels, in which the registry
// then finds them.
func (b *batch) send(ch chan<- prometheus.Metric) {
	slices.SortFunc(b.series, func(x, y series) int { return compareLabels(x.pairs, y.pairs) })
	b.sendSorted(ch)
}

// sendSorted is send for series that were added in the order of their labels.
func (b *batch) sendSorted(ch chan<- prometheus.Metric) {
	for i := range b.series {
		ch <- &b.series[i]
	}
}

func compareLabels(x, y []*dto.LabelPair) int {
	for i := range x {
		if c := cmp.Compare(*x[i].Value, *y[i].Value); c != 0 {
			return c
		}
	}
	return 0
}
