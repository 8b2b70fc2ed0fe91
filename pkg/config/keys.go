package config

import (
	"reflect"
	"strings"
)

// Keys lists the YAML keys of a configuration struct as paths, "collector.url"
// or "targets[].address", in the order of the fields. The programs' tests hold
// it against configs/README.md.
func Keys(cfg any) []string { return keys(reflect.TypeOf(cfg), "") }

func keys(t reflect.Type, prefix string) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[Secret](), t == reflect.TypeFor[Duration]():
		return []string{prefix}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		return keys(t.Elem(), prefix+"[]")
	case t.Kind() != reflect.Struct:
		return []string{prefix}
	}
	var list []string
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "-" || !f.IsExported() {
			continue
		}
		path := strings.TrimPrefix(prefix+"."+name, ".")
		if strings.Contains(options, "inline") {
			path = prefix
		}
		list = append(list, keys(f.Type, path)...)
	}
	return list
}
