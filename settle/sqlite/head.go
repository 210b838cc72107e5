package sqlite

import (
	"database/sql"

	engine "joulepay/internal/sqlite"
)

// headColumns are all but the sum.
const headColumns = `one, genesis, height, log, decided, accepted, time, paused, certified, changed, incarnation, sequence, final, vote,
	epoch, started, final_certificate, pruned, window_before`

// readHeadSum gives the sum of the head as it is, and as it was stored.
func readHeadSum(q engine.Queryer) (is sum, stored sql.NullInt64, err error) {
	const columns = 19
	values, into := make([]any, columns), make([]any, columns+1)
	for i := range values {
		into[i] = &values[i]
	}
	into[columns] = &stored
	err = q.QueryRow("SELECT " + headColumns + ", sum FROM head").Scan(into...)
	return sum(0).row(values...), stored, err
}

// sealHead ends every transaction that changes the head.
func sealHead(tx *engine.Tx) error {
	is, _, err := readHeadSum(tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec("UPDATE head SET sum = ?", int64(is))
	return err
}
