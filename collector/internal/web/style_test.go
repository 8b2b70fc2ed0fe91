package web

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast holds every pair of text and ground against WCAG 2.2's 1.4.3:
// 4.5 to 1, in light and in dark.
func TestContrast(t *testing.T) {
	css, err := staticFiles.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, ok := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	dark, _, end := strings.Cut(dark, "* {")
	if !ok || !end {
		t.Fatal("the style sheet does not begin with the colours of both schemes")
	}
	pairs := [][2]string{
		{"ink", "page"},
		{"ink", "card"},
		{"soft", "page"},
		{"soft", "card"},
		{"link", "page"},
		{"link", "card"},
		{"bad", "bad-ground"},
		{"soon", "soon-ground"},
		{"open", "open-ground"},
		{"good", "good-ground"},
		{"none", "none-ground"},
		{"bad", "card"},
		{"soon", "card"},
		{"open", "card"},
		{"good", "card"},
		{"bad", "page"},
	}
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{3,6})`).FindAllStringSubmatch(text, -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		for _, p := range pairs {
			a, okA := colours[p[0]]
			b, okB := colours[p[1]]
			if !okA || !okB {
				t.Errorf("%s: no colour %s or %s", scheme, p[0], p[1])
				continue
			}
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want 4.5", scheme, p[0], p[1], ratio)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
