package contract

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLedgers(t *testing.T) {
	t.Run("rma", func(t *testing.T) {
		got, refused, err := ReadRMAs("rma.csv", strings.NewReader(
			"contract_number,rma_number,case_number,old_serial,old_pid,new_serial,new_pid,opened_on,shipped_on,return_by,note\n"+
				"204100001,800000001,600000001, foc2211a0aa ,C9300-48P,FOC2645B0BB,C9300-48P=,2026-10-01,2026-10-02,2026-10-16,x\n"+
				"204100001,800000002,,FOC2211A0CC,,,,2026-10-01,,,\n"+
				"204100001,800000003,,FOC2211A0DD,,FOC2211A0DD,,2026-10-01,,,\n"+
				"204100001,800000004,,,,FOC2211A0DD,,2026-10-01,,,\n"+
				"204100001,800000005,,FOC2211A0EE,,FOC2211A0FF,,02/03/2026,,,\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []RMA{
			{
				RMANumber: "800000001", CaseNumber: "600000001", Contract: "204100001", OldSerial: "FOC2211A0AA", OldPID: "C9300-48P",
				NewSerial: "FOC2645B0BB", NewPID: "C9300-48P=", OpenedOn: "2026-10-01", ShippedOn: "2026-10-02", ReturnBy: "2026-10-16", Row: 2,
			},
			{RMANumber: "800000002", Contract: "204100001", OldSerial: "FOC2211A0CC", OpenedOn: "2026-10-01", Row: 3},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		var columns []string
		for _, r := range refused {
			columns = append(columns, r.Column)
		}
		if diff := cmp.Diff([]string{"new_serial", "old_serial", "opened_on"}, columns); diff != "" {
			t.Errorf("refused (-want +got):\n%s%v", diff, refused)
		}
	})
	t.Run("orders", func(t *testing.T) {
		got, refused, err := ReadOrders("orders.csv", strings.NewReader(
			"product_id;order_number;organization;serial;quantity;ordered_on;completed_on\n"+
				"C9300-48P;TS-1001;Riverside Food Bank;;2;02/03/2026;03/31/2026\n"+
				"C9300-48P;TS-1001;Riverside Food Bank;FOC2211A0AA;;02/03/2026;\n"+
				"C9300-48P;;Riverside Food Bank;;1;;\n"+
				";TS-1002;;;1;;\n"+
				"C9300-48P;TS-1003;;;some;;\n"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []Order{
			{OrderNumber: "TS-1001", Organization: "Riverside Food Bank", ProductID: "C9300-48P", Quantity: 2, OrderedOn: "2026-02-03", CompletedOn: "2026-03-31", Row: 2},
			{OrderNumber: "TS-1001", Organization: "Riverside Food Bank", ProductID: "C9300-48P", Serial: "FOC2211A0AA", Quantity: 1, OrderedOn: "2026-02-03", Row: 3},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		var columns []string
		for _, r := range refused {
			columns = append(columns, r.Column)
		}
		if diff := cmp.Diff([]string{"order_number", "product_id", "quantity"}, columns); diff != "" {
			t.Errorf("refused (-want +got):\n%s%v", diff, refused)
		}
	})
	t.Run("columns are named", func(t *testing.T) {
		_, _, err := ReadRMAs("rma.csv", strings.NewReader("a,b\n1,2\n"), Options{})
		if err == nil || !strings.Contains(err.Error(), `"old_serial"`) || !strings.Contains(err.Error(), `found ["a" "b"]`) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("workbooks", func(t *testing.T) {
		raw := makeWorkbook(t, nil, sheet{name: "RMA", rows: [][]any{
			{"Replacements"},
			{"old_serial", "new_serial", "opened_on", "rma_number", "contract_number"},
			{"FOC2211A0AA", "FOC2645B0BB", time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), 800000001, 204100001},
			{1.2e20, "FOC2645B0BB", nil, 800000002, 204100001},
			{"FOC2211A0CC", "FOC2645B0CC", 46296, 800000003, 204100001},
		}})
		rmas, refused, err := ReadRMAs("rma.xlsx", bytes.NewReader(raw), Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := []RMA{
			{RMANumber: "800000001", Contract: "204100001", OldSerial: "FOC2211A0AA", NewSerial: "FOC2645B0BB", OpenedOn: "2026-10-01", Row: 3},
			{RMANumber: "800000003", Contract: "204100001", OldSerial: "FOC2211A0CC", NewSerial: "FOC2645B0CC", OpenedOn: "2026-10-01", Row: 5},
		}
		if diff := cmp.Diff(want, rmas); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		if len(refused) != 1 || refused[0].Row != 4 || refused[0].Column != "old_serial" {
			t.Errorf("refused %v", refused)
		}
		raw = makeWorkbook(t, nil, sheet{name: "Orders", rows: [][]any{
			{"order_number", "product_id", "quantity", "completed_on"},
			{1001, "C9300-48P", 2, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)},
		}})
		orders, refused, err := ReadOrders("orders.xlsx", bytes.NewReader(raw), Options{})
		if err != nil || len(refused) > 0 {
			t.Fatal(err, refused)
		}
		if diff := cmp.Diff([]Order{{OrderNumber: "1001", ProductID: "C9300-48P", Quantity: 2, CompletedOn: "2026-10-01", Row: 2}}, orders); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
	})
}

// Whatever a ledger holds, each row is taken or refused, once, and what is taken
// can be used.
func FuzzLedgers(f *testing.F) {
	f.Add([]byte("rma_number,old_serial,new_serial,return_by\n8001,FOC1,FOC2,02/03/2026\n8002,FOC1,FOC1,\n"))
	f.Add([]byte("order_number;product_id;serial;quantity;completed_on\nTS-1;C9300-48P;;1,000;31.01.2026\nTS-2;;;x;soon\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<14 {
			return
		}
		rows := map[int]bool{}
		once := func(row int) {
			if rows[row] || row < 2 {
				t.Errorf("row %d twice", row)
			}
			rows[row] = true
		}
		rmas, refused, err := ReadRMAs("rma.csv", bytes.NewReader(raw), Options{})
		for _, r := range refused {
			once(r.Row)
		}
		for _, x := range rmas {
			once(x.Row)
			if err != nil || x.OldSerial == "" || x.OldSerial == x.NewSerial {
				t.Errorf("%+v, %v", x, err)
			}
		}
		clear(rows)
		orders, refused, err := ReadOrders("orders.csv", bytes.NewReader(raw), Options{})
		for _, r := range refused {
			once(r.Row)
		}
		for _, x := range orders {
			once(x.Row)
			if err != nil || x.OrderNumber == "" || x.Serial == "" && x.ProductID == "" || x.Quantity < 0 {
				t.Errorf("%+v, %v", x, err)
			}
		}
	})
}
