package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

// Limits on a tree: aliases make a small file stand for a huge one.
const (
	maxTreeNodes = 1_500_000
	maxTreeDepth = 100
)

// A Tree is YAML of a shape that another program decides, such as an Ansible
// inventory: scalars are text, whatever type they look like.
type Tree struct {
	Line   int // of an entry of a mapping, where its key is
	Column int
	Tag    string // "!vault" and other tags of the writer's own; "" for YAML's
	Value  string // of a scalar
	// Keys and Items are the entries of a mapping in the order of the file;
	// of a sequence, Items alone.
	Keys    []string
	Items   []Tree
	Mapping bool
}

// Get returns the entry of a mapping, an empty tree and false when it has
// none.
func (t Tree) Get(key string) (Tree, bool) {
	for i, k := range t.Keys {
		if k == key {
			return t.Items[i], true
		}
	}
	return Tree{}, false
}

// DecodeTree reads one YAML document. Anchors and merge keys ("<<") are worked
// out; an empty document is an empty tree.
func DecodeTree(raw []byte) (Tree, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var root yaml.Node
	if err := dec.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return Tree{}, nil
		}
		return Tree{}, err
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return Tree{}, errors.New("more than one YAML document")
	}
	b := treeBuilder{left: maxTreeNodes}
	return b.build(&root, 0)
}

type treeBuilder struct{ left int }

func (b *treeBuilder) build(n *yaml.Node, depth int) (Tree, error) {
	if b.left--; b.left < 0 {
		return Tree{}, fmt.Errorf("line %d: more than %d values, aliases counted", n.Line, maxTreeNodes)
	}
	if depth > maxTreeDepth {
		return Tree{}, fmt.Errorf("line %d: nested deeper than %d", n.Line, maxTreeDepth)
	}
	t := Tree{Line: n.Line, Column: n.Column}
	if len(n.Tag) > 1 && n.Tag[0] == '!' && n.Tag[1] != '!' {
		t.Tag = n.Tag
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return b.build(n.Content[0], depth)
	case yaml.AliasNode:
		return b.build(n.Alias, depth+1)
	case yaml.ScalarNode:
		if n.Tag != "!!null" {
			t.Value = n.Value
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			v, err := b.build(item, depth+1)
			if err != nil {
				return Tree{}, err
			}
			t.Items = append(t.Items, v)
		}
	case yaml.MappingNode:
		return b.mapping(t, n, depth)
	}
	return t, nil
}

func (b *treeBuilder) mapping(t Tree, n *yaml.Node, depth int) (Tree, error) {
	t.Mapping = true
	seen := make(map[string]bool, len(n.Content)/2)
	var merged []Tree
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		v, err := b.build(n.Content[i+1], depth+1)
		if err != nil {
			return Tree{}, err
		}
		switch {
		case key.Kind == yaml.ScalarNode && key.Tag == "!!merge":
			merged = append(merged, v)
			continue
		case key.Kind != yaml.ScalarNode:
			return Tree{}, fmt.Errorf("line %d: a key is not text", key.Line)
		case seen[key.Value]:
			return Tree{}, fmt.Errorf("line %d: %.60q stands there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		v.Line, v.Column = key.Line, key.Column
		t.Keys, t.Items = append(t.Keys, key.Value), append(t.Items, v)
	}
	for _, m := range merged {
		t.merge(m, seen)
	}
	return t, nil
}

// merge adds the entries that the mapping does not have itself; a sequence
// stands for several mappings (yaml.org/type/merge.html).
func (t *Tree) merge(m Tree, seen map[string]bool) {
	if !m.Mapping {
		for _, one := range m.Items {
			if one.Mapping {
				t.merge(one, seen)
			}
		}
		return
	}
	for i, k := range m.Keys {
		if !seen[k] {
			seen[k] = true
			t.Keys, t.Items = append(t.Keys, k), append(t.Items, m.Items[i])
		}
	}
}
