package grafana

import (
	"fmt"
	"math"
	"testing"
)

// visions turn linear RGB into what is seen, after Machado, Oliveira and Fernandes
// (2009) for the full strength of each deficiency.
var visions = map[string][3][3]float64{
	"usual":         {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"protanopia":    {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"deuteranopia":  {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"tritanopia":    {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
	"achromatopsia": {{0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}, {0.2126, 0.7152, 0.0722}},
}

// TestColours: states of coverage that stand side by side are told apart with any
// sort of colour vision; without any, what is covered is told from what has no
// support.
func TestColours(t *testing.T) {
	const apart = 15 // in CIE L*a*b*, where about 2 is the least that can be seen side by side
	states := []string{"covered", "expiring", "uncovered", "expired", "rma_pending", "unverified", "unknown_serial", "activation_pending", "future", "ineligible"}
	for vision, matrix := range visions {
		if vision == "achromatopsia" {
			continue
		}
		for i, a := range states {
			for _, b := range states[i+1:] {
				if d := distance(seen(t, colours[a], matrix), seen(t, colours[b], matrix)); d < apart {
					t.Errorf("%s: %s and %s are %.1f apart, want %d", vision, a, b, d, apart)
				}
			}
		}
	}
	for _, bad := range []string{"uncovered", "expired", "rma_pending"} {
		matrix := visions["achromatopsia"]
		if d := distance(seen(t, colours["covered"], matrix), seen(t, colours[bad], matrix)); d < 5 {
			t.Errorf("without colours covered and %s are %.1f apart", bad, d)
		}
	}
}

// seen is a colour such as #0072B2 in CIE L*a*b*, of the white of sRGB.
func seen(t *testing.T, colour string, matrix [3][3]float64) (lab [3]float64) {
	t.Helper()
	var raw [3]int
	if _, err := fmt.Sscanf(colour, "#%02X%02X%02X", &raw[0], &raw[1], &raw[2]); err != nil {
		t.Fatalf("colour %q: %v", colour, err)
	}
	var linear, rgb [3]float64
	for i, c := range raw {
		if x := float64(c) / 255; x <= 0.04045 {
			linear[i] = x / 12.92
		} else {
			linear[i] = math.Pow((x+0.055)/1.055, 2.4)
		}
	}
	for i, row := range matrix {
		rgb[i] = min(max(row[0]*linear[0]+row[1]*linear[1]+row[2]*linear[2], 0), 1)
	}
	f := func(x float64) float64 {
		if x > 0.008856 {
			return math.Cbrt(x)
		}
		return 7.787*x + 16.0/116
	}
	x := f((0.4124*rgb[0] + 0.3576*rgb[1] + 0.1805*rgb[2]) / 0.9505)
	y := f(0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2])
	z := f((0.0193*rgb[0] + 0.1192*rgb[1] + 0.9505*rgb[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}
