// Package storagemigration writes all objects of a kind anew, for those who ask by a
// StorageVersionMigration. What an update that changes nothing would leave alone is
// written all the same if the store has it in an old form: in another version of its
// kind, or encrypted with a key that is to go.
//
//	StorageVersionMigration ──▶ list what there is ──▶ patch each with nothing ──▶ Succeeded
//	{resource: secrets}
//
// Each patch names the revision that was listed, so an object that somebody else has
// written meanwhile, and thereby migrated, is left alone.
//
// In Kubernetes three controllers share this, and the list is that of the garbage
// collector; a kind that does not exist fails there after a minute, so that it may come,
// and here too.
//
// Reading order: migration.go.
package storagemigration
