package simdevice

import (
	"cmp"
	"fmt"
	"slices"
)

// A view is everything that the agent answers, in the order of a walk.
type view struct{ objects []binding }

// find returns the position of the first object not before o, and whether it
// is o itself.
func (v *view) find(o oid) (int, bool) {
	return slices.BinarySearchFunc(v.objects, o, func(b binding, o oid) int { return slices.Compare(b.name, o) })
}

// get returns the object of that name.
func (v *view) get(o oid) (binding, bool) {
	i, ok := v.find(o)
	if !ok {
		return binding{}, false
	}
	return v.objects[i], true
}

// next returns the first object after o.
func (v *view) next(o oid) (binding, bool) {
	i, ok := v.find(o)
	if ok {
		i++
	}
	if i >= len(v.objects) {
		return binding{}, false
	}
	return v.objects[i], true
}

// first returns the first object below the prefix.
func (v *view) first(prefix oid) (binding, bool) {
	b, ok := v.next(prefix)
	return b, ok && b.name.under(prefix)
}

// A builder collects objects. The first mistake in an OID ends it, as one
// written in this package is a mistake of the program.
type builder struct {
	objects []binding
	err     error
}

func (b *builder) add(name string, v value, index ...uint32) {
	o, err := parseOID(name)
	if err != nil {
		b.err = cmp.Or(b.err, err)
		return
	}
	b.objects = append(b.objects, binding{o.with(index...), v})
}

func (b *builder) text(name, s string, index ...uint32) { b.add(name, textValue(s), index...) }

func (b *builder) integer(name string, n int, index ...uint32) {
	b.add(name, integerValue(n), index...)
}

func (b *builder) objectID(name, target string, index ...uint32) {
	o, err := parseOID(target)
	if err != nil {
		b.err = cmp.Or(b.err, err)
		return
	}
	b.add(name, value{tag: tagOID, body: oidBody(o)}, index...)
}

// view sorts what was added.
func (b *builder) view() (*view, error) {
	if b.err != nil {
		return nil, b.err
	}
	slices.SortFunc(b.objects, func(x, y binding) int { return slices.Compare(x.name, y.name) })
	for i := 1; i < len(b.objects); i++ {
		if slices.Equal(b.objects[i-1].name, b.objects[i].name) {
			return nil, fmt.Errorf("cannot build the MIB view: %s is there twice", b.objects[i].name)
		}
	}
	return &view{b.objects}, nil
}

// systemOID is the system group of SNMPv2-MIB.
const systemOID = "1.3.6.1.2.1.1."

// lastChangeOID is entLastChangeTime.0 of ENTITY-MIB.
const lastChangeOID = "1.3.6.1.2.1.47.1.4.1.0"

// newView renders the device as its MIB view.
func newView(d Device) (*view, error) {
	b := &builder{}
	sh := shapeOf(d)
	b.text(systemOID+"1.0", sh.sysDescr(d))
	b.objectID(systemOID+"2.0", sh.objectID(d))
	b.add(systemOID+"3.0", value{tag: tagTimeTicks, live: liveUpTime})
	b.text(systemOID+"4.0", "")
	b.text(systemOID+"5.0", d.Name)
	b.text(systemOID+"6.0", "")
	b.integer(systemOID+"7.0", 78)
	// snmpEngineTime and its neighbours end a walk of a real device as well.
	b.integer("1.3.6.1.6.3.10.2.1.4.0", 1500)
	if sh.entities != nil && !d.Faults.NoEntityMIB {
		addEntities(b, sh.entities(d), d.Faults.LongStringBytes)
		if sh.lastChange {
			b.add(lastChangeOID, value{tag: tagTimeTicks, live: liveLastChange})
		}
	}
	if sh.tables != nil {
		sh.tables(d, b)
	}
	addPhones(d, b)
	return b.view()
}
