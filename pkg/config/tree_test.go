package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/pkg/config"
)

// outline writes a tree in one line: the place of every scalar is in it.
func outline(t config.Tree) string {
	var b strings.Builder
	switch {
	case t.Mapping:
		for i, k := range t.Keys {
			fmt.Fprintf(&b, " %s:%s", k, outline(t.Items[i]))
		}
		return "{" + strings.TrimSpace(b.String()) + "}"
	case len(t.Items) > 0:
		for _, item := range t.Items {
			b.WriteString(" " + outline(item))
		}
		return "[" + strings.TrimSpace(b.String()) + "]"
	}
	return fmt.Sprintf("%s%s@%d", t.Tag, t.Value, t.Line)
}

func TestDecodeTree(t *testing.T) {
	tests := []struct{ name, yaml, want, err string }{
		{"empty", "", "@0", ""},
		{"comment", "# nothing\n", "@0", ""},
		{"order and lines", "b: 1\na:\n  - x\n  - y\n", "{b:1@1 a:[x@3 y@4]}", ""},
		{"no type but text", "a: 010\nb: true\nc: 1.10\nd: ~\ne:\n", "{a:010@1 b:true@2 c:1.10@3 d:@4 e:@5}", ""},
		{"own tag", "a: !vault |\n  1234\n", "{a:!vault1234\n@1}", ""},
		{"alias", "a: &x {k: 1}\nb: *x\n", "{a:{k:1@1} b:{k:1@1}}", ""},
		{"merge", "a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n", "{a:{k:1@1 l:2@1} b:{l:3@4 k:1@1}}", ""},
		{"merge of two", "a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}\n", "{a:{k:1@1} b:{k:2@2 l:3@2} c:{k:1@1 l:3@2}}", ""},
		{"repeated key", "a: 1\na: 2\n", "", `line 2: "a" stands there twice`},
		{"key is a list", "[a]: 1\n", "", "line 1: a key is not text"},
		{"two documents", "a: 1\n---\nb: 2\n", "", "more than one YAML document"},
		{"contains itself", "a: &x [*x]\n", "", "nested deeper"},
		{"too deep", strings.Repeat("[", 200) + strings.Repeat("]", 200), "", "nested deeper than 100"},
		{"not yaml", "a: [\n", "", "line 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := config.DecodeTree([]byte(tt.yaml))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, outline(tree)); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
		})
	}
}

// Thirty lines of aliases stand for 2^30 values.
func TestDecodeTreeBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	if _, err := config.DecodeTree([]byte(b.String())); err == nil || !strings.Contains(err.Error(), "aliases counted") {
		t.Errorf("error %v, want one about aliases", err)
	}
}

func TestTreeGet(t *testing.T) {
	tree, err := config.DecodeTree([]byte("a: {b: c}\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := tree.Get("a")
	if b, ok := a.Get("b"); !ok || b.Value != "c" {
		t.Errorf("a.b is %q, %v", b.Value, ok)
	}
	if _, ok := tree.Get("z"); ok {
		t.Error("z is there")
	}
}
