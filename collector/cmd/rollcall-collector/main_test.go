package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: main})
}

// Each script of testdata/script runs the real program.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Cmds: map[string]func(*testscript.TestScript, bool, []string){
		"status": wantStatus, "workbook": makeWorkbook, "zip": makeZip, "judge": judge, "cells": cells,
	}})
}

// makeWorkbook makes a workbook of a CSV file: "workbook lines.csv lines.xlsx".
// What is written as an ISO date becomes a date, and a number a number.
func makeWorkbook(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: workbook FROM.csv TO.xlsx")
	}
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	f := excelize.NewFile()
	for n, r := range rows {
		cells := make([]any, len(r))
		for i, c := range r {
			cells[i] = c
			if day, err := time.Parse(time.DateOnly, c); err == nil {
				cells[i] = day
			} else if number, err := strconv.Atoi(c); err == nil {
				cells[i] = number
			}
		}
		ts.Check(f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", n+1), &cells))
	}
	ts.Check(f.SaveAs(ts.MkAbs(args[1])))
	ts.Check(f.Close())
}

// makeZip puts files into an archive: "zip download.zip one.csv two.csv".
func makeZip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: zip TO.zip FILE...")
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range args[1:] {
		f, err := z.Create(name)
		ts.Check(err)
		_, err = io.WriteString(f, ts.ReadFile(name))
		ts.Check(err)
	}
	ts.Check(z.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

// wantStatus runs the program with the arguments after the first, which is the
// exit status to end with: "status 3 import …".
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: status N [argument]...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(program, args[1:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("cannot run: %v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
