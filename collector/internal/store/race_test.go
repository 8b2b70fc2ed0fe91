//go:build race

package store_test

// raceDetector says that the tests run under it.
const raceDetector = true
