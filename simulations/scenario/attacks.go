package scenario

// Attacks of vehicles: each does one thing otherwise than what ships.
const (
	AttackStopSigning = "stop-signing" // takes energy, and signs nothing for it after its second claim
	AttackStaleClose  = "stale-close"  // closes alone with its first claim while it goes on charging
	AttackOverClaim   = "over-claim"   // signs claims that its deposit does not cover
	AttackDoubleSpend = "double-spend" // spends what its channel locks a second time, with the same sequence
	AttackGrief       = "grief"        // opens one channel after the other, and never pays or closes
	AttackHalfOpen    = "half-open"    // says hello, and never goes on
	AttackSpam        = "spam"         // floods stations with hellos and noise, and the ledger beyond its credit
)

// Attacks of stations.
const (
	AttackStopDelivering = "stop-delivering" // opens the contactor after the second claim, and goes on asking
	AttackOverAsk        = "over-ask"        // asks for more than its readings cost
)

// VehicleAttacks lists what a vehicle can do.
func VehicleAttacks() []string {
	return []string{AttackStopSigning, AttackStaleClose, AttackOverClaim, AttackDoubleSpend, AttackGrief, AttackHalfOpen, AttackSpam}
}

// StationAttacks lists what a station can do, besides a meter that inflates.
func StationAttacks() []string { return []string{AttackStopDelivering, AttackOverAsk} }
