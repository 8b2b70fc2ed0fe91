package reconcile

import (
	"fmt"

	"rollcall/pkg/inventory"
)

// findHostKeyChanged finds devices whose SSH key is another than the one that
// the agent pinned. A replacement has a new key; so has somebody in between.
func findHostKeyChanged(r *run) {
	for _, n := range r.Nodes {
		m := messages(n, inventory.ProblemHostKeyChanged)
		if len(m) == 0 {
			continue
		}
		f := nodeFinding(HostKeyChanged, Warning, n)
		f.Evidence = m
		for _, x := range r.replacements {
			if x.old != nil && x.old.Node == n.ID {
				f.Evidence = append(f.Evidence, fmt.Sprintf("%s was replaced by %s in this device, which explains a new key.", x.oldSerial, x.newSerial))
			}
		}
		f.NextStep = NextStep{
			Title: "Make sure that it is your device, then pin its new key",
			Steps: []string{
				"A device that was replaced (RMA), reset or given a new key has another key. If nobody knows of such a thing, treat it as an attack: do not log in.",
				"Compare the key's fingerprint with the one that the device shows on its console (`show crypto key mypubkey rsa`, `show ssh key`).",
				"Then remove the old key from the agent's file of host keys; the agent pins the new one at its next poll.",
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}

// findCredentialRefused finds devices that refuse the agent's credentials.
func findCredentialRefused(r *run) {
	for _, n := range r.Nodes {
		m := messages(n, inventory.ProblemCredentialRefused)
		if len(m) == 0 {
			continue
		}
		f := nodeFinding(CredentialRefused, Warning, n)
		f.Evidence = m
		f.NextStep = NextStep{
			Title: "Give the agent credentials that the device takes",
			Steps: []string{
				"Try the user and the password by hand, from the machine with the agent. Several wrong tries may lock the account.",
				"If the password has changed, put the new one into the agent's credentials file. It stays on the site; the collector never has it.",
				"For SNMPv3 the protocols must agree too: authentication, privacy, and on some devices the view of the group.",
			},
			Sheet: Sheet{},
		}
		r.findings = append(r.findings, f)
	}
}

// findWeakAccess finds devices that are asked in a way that others on the LAN
// can read or fake: SNMPv1 and v2c, or SSH with broken algorithms. They make one
// finding per site.
func findWeakAccess(r *run) {
	weak := map[string][]Node{}
	var sites []string
	for _, n := range r.Nodes {
		if !hasProblem(n, inventory.ProblemWeakAccess) {
			continue
		}
		if weak[n.Site] == nil {
			sites = append(sites, n.Site)
		}
		weak[n.Site] = append(weak[n.Site], n)
	}
	for _, site := range sites {
		f := Finding{
			Key: string(WeakAccess) + "/" + site, Kind: WeakAccess, Severity: Info, Site: site,
			Subject: count(len(weak[site]), "device") + inSite(site),
			NextStep: NextStep{
				Title: "Move to SNMPv3, when there is time",
				Steps: []string{
					"On each device make an SNMPv3 user with authentication (SHA) and privacy (AES) that may read and not write, and give it to the agent.",
					"Then remove the community. Anybody on the LAN can read it from the wire.",
					"For SSH: a newer software or a new key lets the device use algorithms of today.",
				},
				Sheet: Sheet{},
			},
		}
		for _, n := range weak[site] {
			f.Evidence = append(f.Evidence, nodeName(n)+": "+messages(n, inventory.ProblemWeakAccess)[0])
		}
		f.Evidence = capped(f.Evidence)
		r.findings = append(r.findings, f)
	}
}
