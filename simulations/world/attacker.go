package world

import (
	"joulepay/channel"
	"joulepay/channel/link"
	"joulepay/channel/session"
	"joulepay/channel/wire"
	"joulepay/settle"
	"joulepay/simulations/scenario"
)

// attacker is what makes a party a cheat: it is the party that ships, and does otherwise at one place. The zero values of its
// places, and a nil attacker, do as what ships.
type attacker struct {
	party  *party
	attack string // in words
	tries  int

	betrayed channel.SessionID // where what was paid for in advance did not follow

	sending   func(to link.Addr, f wire.Frame) []wire.Frame // gives what leaves in place of a frame
	receiving func(f wire.Frame) bool                       // tells whether the machine is not to see a frame
	arriving  func()                                        // it has plugged in
	leaving   func()                                        // it drives on
	posting   func(p settle.Payload)                        // it is about to submit a payload
	actuating func(a session.Actuate) bool                  // tells whether the outlet is not to hear a command
	fresh     bool                                          // it uses no channel twice
}

// vehicleAttacks make the attackers among vehicles.
var vehicleAttacks = map[string]func(*vehicle) *attacker{
	scenario.AttackStopSigning: stopSigning,
	scenario.AttackStaleClose:  staleClose,
	scenario.AttackOverClaim:   overClaim,
	scenario.AttackDoubleSpend: doubleSpend,
	scenario.AttackGrief:       grief,
	scenario.AttackHalfOpen:    halfOpen,
	scenario.AttackSpam:        spam,
}

// stationAttacks make the attackers among stations.
var stationAttacks = map[string]func(*station) *attacker{
	scenario.AttackStopDelivering: stopDelivering,
	scenario.AttackOverAsk:        overAsk,
}

func newVehicleAttack(v *vehicle) *attacker {
	if v.spec.Attack == "" {
		return nil
	}
	a := vehicleAttacks[v.spec.Attack](v)
	a.party = &v.party
	return a
}

func newStationAttack(s *station) *attacker {
	var a *attacker
	switch {
	case s.spec.Attack != "":
		a = stationAttacks[s.spec.Attack](s)
	case s.spec.InflatePPM > 0:
		a = inflate(s)
	default:
		return nil
	}
	a.party = &s.party
	return a
}

// send puts on its way what the attacker makes of a frame.
func (a *attacker) send(to link.Addr, f wire.Frame) {
	frames := []wire.Frame{f}
	if a.sending != nil {
		frames = a.sending(to, f)
	}
	for _, f := range frames {
		a.party.world.network.send(a.party, to, f.Encode())
	}
}

func (a *attacker) takes(f wire.Frame) bool { return a != nil && a.receiving != nil && a.receiving(f) }

func (a *attacker) plugged() {
	if a != nil && a.arriving != nil {
		a.arriving()
	}
}

func (a *attacker) leaves() {
	if a != nil && a.leaving != nil {
		a.leaving()
	}
}

func (a *attacker) posts(p settle.Payload) {
	if a != nil && a.posting != nil {
		a.posting(p)
	}
}

func (a *attacker) withholds(c session.Actuate) bool {
	return a != nil && a.actuating != nil && a.actuating(c)
}

func (a *attacker) opensAnew() bool { return a != nil && a.fresh }

// try counts an attempt, which is also a fault that fired.
func (a *attacker) try(kind string) {
	a.tries++
	a.party.world.fired["attack: "+kind]++
}

// driveOff takes a cheat away from the outlet, whatever goes on.
func (v *vehicle) driveOff() {
	v.visits = nil
	v.depart("drives off")
}

// tally counts the claims of a session as they first leave or arrive: what is repeated counts once.
type tally struct {
	session channel.SessionID
	last    uint64 // sequence
	claims  int
}

// count takes a claim in and gives its number within its session, from 1, and the best that it is.
func (t *tally) count(f wire.Frame, m wire.Claim) (int, channel.Best) {
	best, err := channel.DecodeBest(m.Best)
	if err != nil {
		return t.claims, best
	}
	if f.Session != t.session {
		*t = tally{session: f.Session}
	}
	if sequence := best.Signed.Claim.Sequence; sequence > t.last {
		t.last = sequence
		t.claims++
	}
	return t.claims, best
}

// claimsHonest is how many claims of a session cheats sign, or wait for, before they cheat: the baseline, and one that pays.
const claimsHonest = 2
