// Package pricing owns OCPI 2.2.1 and 2.3.0 tariffs: it parses them strictly, prices a whole session by them exactly, and says beforehand what a session can cost.
// It leaves meters, claims and the choice of a tariff to others: a session comes in as pure facts (samples of a register, or OCPI charging periods), a Cost goes out.
// It keeps invariant I10: quantities are integers, nothing is rounded on the way, and money is rounded in Cost.Payable only.
//
// Start with ParseTariff, then NewRun for a session under way, ParseSession and Price for a finished one in the form of an
// OCPI CDR, Estimate for the price shown beforehand and ExposureOf for what a quote must declare.
//
// # Rules (OCPI 2.3.0, mod_tariffs and mod_cdrs)
//
//   - Components are chosen per dimension: the first element that prices the dimension and matches now. None is free.
//   - Restrictions are inclusive at their minimum and exclusive at their maximum. Times are wall clock at the station. An
//     end before the start wraps over midnight; "00:00" ends the day. Energy and duration count from the start of the session.
//   - FLAT is due once a session, with the first period in which it matches.
//   - step_size applies once to the priced ENERGY of a session and once to TIME or PARKING_TIME, whichever was priced last:
//     the total of that dimension is rounded up to the step of its last priced component, and the surplus has that component's
//     price. Reservation time has a step of its own. A change of tariff ends the old one without surplus.
//   - min_price and max_price bind the sums before and after tax each by itself. A limit that states only the sum before tax
//     binds the sum after tax at the tariff's highest VAT rate (max_price) or its lowest (min_price).
//   - Without tax_included (2.2.1) a component without VAT has none. Under tax_included NO or YES it leaves the other
//     sum not stated: Exact.Known is false, and the sum that is stated is payable.
package pricing

import "errors"

// Errors of this package. Each wraps what was found and where.
var (
	ErrTariff      = errors.New("pricing: not a tariff that can be priced")
	ErrSession     = errors.New("pricing: not a session that can be priced")
	ErrSample      = errors.New("pricing: sample refused")
	ErrNumber      = errors.New("pricing: number out of range or finer than 12 decimals")
	ErrLimit       = errors.New("pricing: beyond what this package accepts")
	ErrNotValid    = errors.New("pricing: tariff is not valid at this time")
	ErrCurrency    = errors.New("pricing: currencies differ")
	ErrNotMeasured = errors.New("pricing: the tariff asks for a current or power that the session does not state")
	ErrAmount      = errors.New("pricing: amount out of range")
)
