package demo

import (
	"encoding/csv"
	"fmt"
	"strings"

	"rollcall/collector/internal/contract"
)

// A contractFile is a download of the Service Contract Center as CSV, with
// dates relative to the day of the demo.
type contractFile struct {
	number string
	level  string
	site   string
	stale  bool // not downloaded again since the first day
	lines  []line
}

// A line of a contract; begin and end are days from today.
type line struct {
	serial, pid, description string
	begin, end               int
}

const (
	year     = 365
	program  = 5 * year // what the donation program gives (FAQ 1.3)
	snt      = "SNT"
	sntPlus  = "SNTP"
	software = "SWSS"
)

func foodBankContracts() []contractFile {
	return []contractFile{
		{number: "204517788", level: snt, site: "RIVERSIDE FOOD BANK MAIN OFFICE", lines: []line{
			{"FCW2431L0A7", "C9300-48P-E", "Catalyst 9300 48-port PoE+", -2 * year, 3 * year},
			{"FCW2431L0B2", "C9300-48P-E", "Catalyst 9300 48-port PoE+", -2 * year, 3 * year},
			{"FOC2502T1QX", "C9300-24T-E", "Catalyst 9300 24-port data", -2 * year, 3 * year},
			{"FDO2236A0NN", "ISR4331/K9", "Cisco ISR 4331", -100, year - 100},
			{"FCW2311M0TR", "AIR-CT3504-K9", "Cisco 3504 Wireless Controller", -3 * year, 2 * year},
			{"FJC2317M0A1", "AIR-AP2802I-B-K9", "802.11ac W2 AP", -3 * year, 2 * year},
			{"FJC2317M0A2", "AIR-AP2802I-B-K9", "802.11ac W2 AP", -3 * year, 2 * year},
			{"FOC2209U0CC", "WS-C2960X-24TS-L", "Catalyst 2960-X 24 GigE", -3 * year, 2 * year},
		}},
		{number: "202930155", level: snt, site: "RIVERSIDE FOOD BANK MAIN OFFICE", lines: []line{
			{"JMX2251Y0GH", "ASA5516-FPWR-K9", "ASA 5516-X with FirePOWER", 25 - program, 25},
			{"FCW1930B5TT", "WS-C2960X-48FPD-L", "Catalyst 2960-X 48 GigE PoE", -40 - program, -40},
		}},
		{number: "205660021", level: snt, site: "RIVERSIDE FOOD BANK WAREHOUSE", lines: []line{
			{"JAE27110V4C", "C9200L-24P-4G-E", "Catalyst 9200L 24-port PoE+", 12, 12 + program},
			{"PSZ22451AB7", "SG300-28", "28-port Gigabit Managed Switch", -year, 4 * year},
			{"FGL1827120H", "CISCO1921/K9", "C1921 Modular Router", -year, 4 * year},
		}},
	}
}

func healthCenterContracts() []contractFile {
	return []contractFile{
		{number: "203377410", level: sntPlus, site: "HILLSIDE COMMUNITY HEALTH CLINIC", lines: []line{
			{"FDO24120HQ9", "N9K-C93180YC-FX", "Nexus 9300 48p 25G", -year, 4 * year},
			{"JAD2517027K", "FPR1120-NGFW-K9", "Firepower 1120 NGFW", -year, 4 * year},
			{"FOC2441X0PR", "C9300-24T-E", "Catalyst 9300 24-port data", -year, 2 * year},
			{"FOC2101S0NE", "WS-C2960X-24TS-L", "Catalyst 2960-X 24 GigE", -year, 4 * year},
			{"FOX1835G2QA", "ASR-9001", "ASR 9001", -year, 4 * year},
			{"JAE2531077Z", "C9200-24T-E", "Catalyst 9200 24-port data", -year, 4 * year},
			{"FGL2528LJ0W", "C1111-8P", "ISR 1100 8 ports", -year, 4 * year},
			{"", "L-FPR1120T-TMC-5Y", "Firepower 1120 licence", -year, 4 * year},
		}},
		{number: "203377999", level: snt, site: "HILLSIDE COMMUNITY HEALTH CLINIC", lines: []line{
			{"FOC2441X0PR", "C9300-24T-E", "Catalyst 9300 24-port data", -year, 3 * year},
		}},
		{number: "201114302", level: snt, site: "HILLSIDE COMMUNITY HEALTH ANNEX", stale: true, lines: []line{
			{"FOC2037Y1GJ", "WS-C3560CX-8PC-S", "Catalyst 3560-CX 8 port PoE", -2 * year, year},
			{"FOC2245V0LK", "WS-C2960L-8PS-LL", "Catalyst 2960L 8 port PoE", -2 * year, year},
		}},
	}
}

// An order of donated gear, which a person keeps in a ledger; the days are from
// today.
type order struct {
	number, pid, serial string
	ordered, completed  int
}

// foodBankOrders are one whose contract is still on its way, one whose contract
// should be there, and one whose contract is shorter than the program's term.
func foodBankOrders() []order {
	return []order{
		{"SO-118204", "C9200L-24T-4G", "JAE28091K7Q", -96, -6},
		{"SO-117350", "WS-C2960X-24PS-L", "FOC1947W2QP", -120, -40},
		{"SO-116992", "ISR4331/K9", "FDO2236A0NN", -130, -110},
	}
}

// ordersCSV writes the ledger of an organization's orders.
func ordersCSV(o organization, today contract.Date) (string, error) {
	rows := [][]string{{"order_number", "organization", "product_id", "serial", "quantity", "ordered_on", "completed_on"}}
	for _, x := range o.orders {
		rows = append(rows, []string{x.number, o.name, x.pid, x.serial, "1", string(today.AddDays(x.ordered)), string(today.AddDays(x.completed))})
	}
	return asCSV(rows)
}

// csv writes the file as the Service Contract Center hands it out.
func (f contractFile) csv(today contract.Date) (string, error) {
	rows := [][]string{{
		"SERIAL NUMBER / PAK NUMBER", "CONTRACT NUMBER", "SERVICE LEVEL", "SITE NAME", "PRODUCT NUMBER", "DESCRIPTION",
		"BEGIN DATE", "END DATE", "PRODUCT QUANTITY", "INSTANCE NUMBER",
	}}
	for i, l := range f.lines {
		level := f.level
		if l.serial == "" {
			level = software
		}
		rows = append(rows, []string{
			l.serial, f.number, level, f.site, l.pid, l.description,
			string(today.AddDays(l.begin)), string(today.AddDays(l.end)), "1", fmt.Sprintf("%s%03d", f.number[3:], i+1),
		})
	}
	return asCSV(rows)
}

func asCSV(rows [][]string) (string, error) {
	var b strings.Builder
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return "", fmt.Errorf("cannot write a sample file of the demo: %w", err)
	}
	return b.String(), nil
}
