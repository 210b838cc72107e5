package status

// Known gives how many lists and failures a cache remembers.
func Known(c *Cache) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}
