package api

import "context"

// A Stored is how the objects of a resource are kept, where that is not the form
// in which they are served. Resources that have the same StorageKey are several
// forms of the same objects, and one of these forms, or one more, is that of the
// store:
//
//	autoscaling/v1  --To-->               <--(as it is)-- autoscaling/v2
//	                         autoscaling/v2 in the store
//	                <-From--              --(as it is)-->
//
// What is written through one resource is read, listed and watched through all
// of them, under one name, UID and resourceVersion. The metadata is the same in
// every form, but for annotations in which a poorer form keeps what it has no
// fields for.
//
// To and From do not change their argument; what they return may share memory
// with it. They are called concurrently. Going there and back must change
// nothing, or else a write that changes nothing would be one.
//
// An error of To refuses a write, and one of From makes the object unreadable
// through this resource, while it stays readable through the others.
type Stored struct {
	// New returns an empty object of the stored form.
	New func() Object
	// To returns the stored form of an object of the resource.
	To func(ctx context.Context, obj Object) (Object, error)
	// From returns the object of the resource whose stored form this is.
	// It is for it to complete what an older writer has left out of the stored
	// form; Resource.Default is then applied to its result.
	From func(ctx context.Context, stored Object) (Object, error)
}

// Convert writes To and From over the concrete types, for conversions that
// need no context.
func Convert[Served, Kept Object](newKept func() Kept, to func(Served) (Kept, error), from func(Kept) (Served, error)) *Stored {
	return &Stored{
		New:  func() Object { return newKept() },
		To:   func(_ context.Context, obj Object) (Object, error) { return converted(to(obj.(Served))) },
		From: func(_ context.Context, stored Object) (Object, error) { return converted(from(stored.(Kept))) },
	}
}

// converted keeps a nil pointer from becoming an Object that is not nil.
func converted[T Object](obj T, err error) (Object, error) {
	if err != nil {
		return nil, err
	}
	return obj, nil
}
