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

// settings are the keys of the struct of that name ("agent.Credential"), which
// cfg holds. Nil when there is none, or cfg is it: what stands at the margin of
// a file is told by its documentation.
func settings(cfg any, name string) []string {
	t := reflect.TypeOf(cfg)
	if t == nil || strings.TrimPrefix(t.String(), "*") == name {
		return nil
	}
	return settingsOf(t, name, map[reflect.Type]bool{})
}

func settingsOf(t reflect.Type, name string, seen map[reflect.Type]bool) []string {
	if t == nil || seen[t] {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return settingsOf(t.Elem(), name, seen)
	case reflect.Struct:
	default:
		return nil
	}
	var list []string
	for f := range t.Fields() {
		if t.String() != name {
			if list = settingsOf(f.Type, name, seen); list != nil {
				return list
			}
			continue
		}
		key, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			list = append(list, settingsOf(f.Type, f.Type.String(), map[reflect.Type]bool{})...)
		case key != "" && key != "-":
			list = append(list, key)
		}
	}
	return list
}
