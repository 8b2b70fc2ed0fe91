package reconcile

import (
	"fmt"
	"slices"
)

// findDataStale finds contracts whose data is too old for a verdict, and
// organizations without any (FAQ 3.2).
func findDataStale(r *run) {
	if len(r.Imports) == 0 {
		subject := "no contract has been imported"
		if len(r.retired.Contracts) > 0 {
			subject = "every contract that was imported is said to exist no more"
		}
		if waiting := r.unjudged(); waiting > 0 {
			r.findings = append(r.findings, Finding{
				Key: string(DataStale) + "/none", Kind: DataStale, Severity: Warning, Subject: subject,
				Evidence: []string{fmt.Sprintf("%s in use, and nothing is known of any contract, so none can be called covered or uncovered.", verb(waiting, "unit is", "units are"))},
				NextStep: download("Import your contract"),
			})
		}
		return
	}
	for _, i := range r.stale {
		r.findings = append(r.findings, Finding{
			Key: string(DataStale) + "/" + i.Contract, Kind: DataStale, Severity: Warning, Contract: i.Contract,
			Subject: fmt.Sprintf("%s, imported on %s", contractName(i.Contract), dayOf(i.At)),
			Evidence: []string{
				fmt.Sprintf("The data of %s is %s old, more than the %s that are set. It may have changed since, so units that depend on it are unverified.",
					contractName(i.Contract), count(days(i.At, r.Now), "day"), count(r.Settings.StaleDays, "day")),
			},
			NextStep: download("Download the contract again and import it"),
		})
	}
}

// unjudged counts the units that contract data is missing for: all, where
// nothing but files could tell.
func (r *run) unjudged() int {
	if len(r.Lookups) == 0 {
		return len(r.units)
	}
	n := 0
	for _, u := range r.units {
		if u.Reason == NoContractData {
			n++
		}
	}
	return n
}

// findDataUnusable finds units that the contract data may well cover, and that
// get no verdict because it can't be read: lines that do not say when they end,
// and rows that were refused.
func findDataUnusable(r *run) {
	endless := map[string][]string{}
	var numbers, refused []string
	for _, u := range r.units {
		switch {
		case u.Reason != NoContractData:
		case u.line != nil:
			if endless[u.line.Contract] == nil {
				numbers = append(numbers, u.line.Contract)
			}
			endless[u.line.Contract] = append(endless[u.line.Contract], r.subject(u)+": its line does not say when it ends.")
		case r.mayBeRefused(u.serial):
			refused = append(refused, r.subject(u)+": a row that could not be read is, or may be, of this serial number.")
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		slices.Sort(endless[number])
		r.findings = append(r.findings, Finding{
			Key: string(DataStale) + "/" + number + "/no_end", Kind: DataStale, Severity: Warning, Contract: number,
			Subject:  upperFirst(contractName(number)) + ": " + verb(len(endless[number]), "line", "lines") + " without an end",
			Evidence: capped(endless[number]), NextStep: download("Download the contract again, with the end date of every line, and import it"),
		})
	}
	if len(refused) == 0 {
		return
	}
	slices.Sort(refused)
	for _, x := range r.Refused {
		refused = append(refused, "Not read: "+x.Error()+".")
	}
	step := download("Mend the rows that could not be read, and import the file again")
	step.Steps = append([]string{"The file itself is best left as Cisco made it: opened and saved in a spreadsheet it may lose digits, zeros and dates. If it was, download it again."}, step.Steps...)
	r.findings = append(r.findings, Finding{
		Key: string(DataStale) + "/refused", Kind: DataStale, Severity: Warning, Subject: "rows of contract files that could not be read",
		Evidence: capped(refused), NextStep: step,
	})
}

func download(title string) NextStep {
	return NextStep{
		Title: title,
		Steps: []string{
			"Log in to Cisco's Service Contract Center (SCC), search for the contract by its number, a covered serial number or the sales order, and download it.",
			"Unpack the download and import the CSV file that is in it.",
		},
		Sheet: Sheet{},
	}
}
