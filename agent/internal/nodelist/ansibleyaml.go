package nodelist

import (
	"errors"
	"fmt"

	"rollcall/pkg/config"
)

// ansibleYAML reads an inventory in YAML, also the answer of
// `ansible-inventory --list --yaml`.
func (b *builder) ansibleYAML(text string) error {
	tree, err := config.DecodeTree([]byte(text))
	if err != nil {
		return fmt.Errorf("it is not YAML: %w", err)
	}
	if !tree.Mapping {
		return errors.New("it is no Ansible inventory: that has groups with hosts")
	}
	if _, plugin := tree.Get("plugin"); plugin {
		return errors.New("it configures an inventory plugin and names no device: run ansible-inventory --list --yaml with it, and read what that prints")
	}
	a := newAnsible(b)
	for i, name := range tree.Keys {
		if err := a.yamlGroup(name, tree.Items[i], nil); err != nil {
			return err
		}
	}
	return a.entries()
}

// yamlGroup takes a group and those below it. The tree bounds the depth.
func (a *ansible) yamlGroup(name string, t config.Tree, parent *group) error {
	if len(name) > MaxField {
		a.b.refuse(t.Line, "", name, fmt.Sprintf("it is longer than %d bytes", MaxField))
		return nil
	}
	g, err := a.group(name)
	if err != nil {
		return err
	}
	if parent != nil {
		g.parents = append(g.parents, parent)
	}
	if !t.Mapping {
		if t.Value != "" || len(t.Items) > 0 {
			a.b.refuse(t.Line, name, "", "a group has hosts, children and vars")
		}
		return nil
	}
	for i, key := range t.Keys {
		section := t.Items[i]
		if !section.Mapping {
			if section.Value != "" || len(section.Items) > 0 {
				a.b.refuse(section.Line, name+"."+key, "", "its entries must be keys, each with a colon")
			}
			continue
		}
		if err := a.yamlSection(g, key, section); err != nil {
			return err
		}
	}
	return nil
}

func (a *ansible) yamlSection(g *group, key string, section config.Tree) error {
	for i, name := range section.Keys {
		item := section.Items[i]
		switch key {
		case "hosts":
			var vars variables
			for j, k := range item.Keys {
				vars.set(k, scalar(item.Items[j]))
			}
			if err := a.addHosts(name, item.Line, g, vars); err != nil {
				return err
			}
		case "children":
			if err := a.yamlGroup(name, item, g); err != nil {
				return err
			}
		case "vars":
			g.vars.set(name, scalar(item))
		default:
			a.b.refuse(section.Line, g.name+"."+key, "", "a group has hosts, children and vars")
			return nil
		}
	}
	return nil
}

// scalar is a value as text; what is encrypted (!vault) or no scalar is a
// template that cannot be worked out here.
func scalar(t config.Tree) string {
	if t.Tag != "" && t.Tag != "!unsafe" || t.Mapping || len(t.Items) > 0 {
		return "{{ }}"
	}
	return t.Value
}
