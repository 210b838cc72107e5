package client

// Certified is a slot of the ledger's state with all that proves it: who has pinned the network needs to trust no server.
type Certified struct {
	Checkpoint  Checkpoint `json:"checkpoint"`
	Slot        []byte     `json:"slot"`        // canonical bytes of the account or channel, base64
	Proof       []byte     `json:"proof"`       // from the slot to the state root, base64
	Certificate []byte     `json:"certificate"` // the witnesses' votes on the checkpoint, base64
}
