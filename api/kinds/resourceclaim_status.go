package kinds

import (
	"slices"

	resourcev1 "k8s.io/api/resource/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// A deviceID tells one share of one device from all others.
type deviceID struct{ driver, pool, device, share string }

// String is how Kubernetes writes it.
func (id deviceID) String() string {
	s := id.driver + "/" + id.pool + "/" + id.device
	if id.share != "" {
		s += "/" + id.share
	}
	return s
}

// allocatedDevices are those that a claim has.
func allocatedDevices(c *resourcev1.ResourceClaim) []deviceID {
	if c.Status.Allocation == nil {
		return nil
	}
	var ids []deviceID
	for _, r := range c.Status.Allocation.Devices.Results {
		ids = append(ids, deviceID{r.Driver, r.Pool, r.Device, textOr(r.ShareID, "")})
	}
	return ids
}

func idOf(d *resourcev1.AllocatedDeviceStatus) deviceID {
	return deviceID{d.Driver, d.Pool, d.Device, textOr(d.ShareID, "")}
}

// dropFreedDevices forgets what drivers said of devices that the claim gives back.
func dropFreedDevices(c, old *resourcev1.ResourceClaim) {
	now, was := allocatedDevices(c), allocatedDevices(old)
	var kept []resourcev1.AllocatedDeviceStatus
	for _, d := range c.Status.Devices {
		if id := idOf(&d); slices.Contains(now, id) || !slices.Contains(was, id) {
			kept = append(kept, d)
		}
	}
	c.Status.Devices = kept
}

func checkClaimStatus(j *judge, c, old *resourcev1.ResourceClaim) {
	path := field.NewPath("status")
	checkConsumers(j, c.Status.ReservedFor, path.Child("reservedFor"))
	allocated := allocatedDevices(c)
	for i := range c.Status.Devices {
		at, id := path.Child("devices").Index(i), idOf(&c.Status.Devices[i])
		checkDeviceStatus(j, &c.Status.Devices[i], at)
		if !slices.Contains(allocated, id) {
			j.invalid(at, id.String(), "must be an allocated device in the claim")
		}
	}
	uniqueLater(j, c.Status.Devices, path.Child("devices"), func(d resourcev1.AllocatedDeviceStatus) deviceID { return idOf(&d) })
	if len(c.Status.ReservedFor) > 0 {
		checkReservation(j, c, old, path.Child("reservedFor"))
	}
	switch now := c.Status.Allocation; {
	case now != nil && old.Status.Allocation != nil:
		j.later(func(j *judge) { j.unchanged(path.Child("allocation"), now, old.Status.Allocation) })
	case now != nil:
		checkAllocation(j, now, requestNames(&c.Spec.Devices), path.Child("allocation"))
	}
}

// checkConsumers judges for whom a claim is kept.
func checkConsumers(j *judge, consumers []resourcev1.ResourceClaimConsumerReference, path *field.Path) {
	if !atMost(j, len(consumers), resourcev1.ResourceClaimReservedForMaxSize, path) {
		return
	}
	for i, c := range consumers {
		j.filled(path.Index(i).Child("resource"), c.Resource)
		j.filled(path.Index(i).Child("name"), c.Name)
		j.filled(path.Index(i).Child("uid"), string(c.UID))
	}
	uniqueLater(j, consumers, path, func(c resourcev1.ResourceClaimConsumerReference) types.UID { return c.UID })
}

// checkReservation: what is not there cannot be kept for anybody, and what is
// about to go cannot be kept for anybody new.
func checkReservation(j *judge, c, old *resourcev1.ResourceClaim, path *field.Path) {
	if c.Status.Allocation == nil {
		j.forbidden(path, "may not be specified when `allocated` is not set")
		return
	}
	isNew := func(r resourcev1.ResourceClaimConsumerReference) bool {
		return !slices.Contains(old.Status.ReservedFor, r)
	}
	if c.DeletionTimestamp != nil && slices.ContainsFunc(c.Status.ReservedFor, isNew) {
		j.forbidden(path, "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set")
	}
}

func checkAllocation(j *judge, a *resourcev1.AllocationResult, names []string, path *field.Path) {
	if at := path.Child("devices", "results"); atMost(j, len(a.Devices.Results), resourcev1.AllocationResultsMaxSize, at) {
		for i := range a.Devices.Results {
			r, at := &a.Devices.Results[i], at.Index(i)
			checkRequestRef(j, r.Request, names, at.Child("request"))
			j.later(func(j *judge) { checkAttachedName(j, r.Driver, at.Child("driver")) })
			j.later(func(j *judge) { checkPoolName(j, r.Pool, at.Child("pool")) })
			j.label(at.Child("device"), r.Device)
			checkBindingConditions(j, r.BindingConditions, r.BindingFailureConditions, at)
			checkDeviceTolerations(j, r.Tolerations, at.Child("tolerations"))
		}
	}
	if at := path.Child("devices", "config"); atMost(j, len(a.Devices.Config), 2*resourcev1.DeviceConfigMaxSize, at) {
		for i, c := range a.Devices.Config {
			j.later(func(j *judge) {
				oneOf(j, at.Index(i).Child("source"), c.Source, resourcev1.AllocationConfigSourceClaim, resourcev1.AllocationConfigSourceClass)
			})
			checkRequestRefs(j, c.Requests, names, at.Index(i).Child("requests"))
			checkDeviceConfig(j, c.Opaque, at.Index(i))
		}
	}
	if a.NodeSelector != nil {
		checkNodeSelector(j, a.NodeSelector, path.Child("nodeSelector"))
	}
}

// checkDeviceStatus judges what a driver says of a device.
func checkDeviceStatus(j *judge, d *resourcev1.AllocatedDeviceStatus, path *field.Path) {
	checkDriverName(j, d.Driver, path.Child("driver"))
	checkPoolName(j, d.Pool, path.Child("pool"))
	j.label(path.Child("device"), d.Device)
	if at := path.Child("conditions"); len(d.Conditions) > resourcev1.AllocatedDeviceStatusMaxConditions {
		j.tooMany(at, len(d.Conditions), resourcev1.AllocatedDeviceStatusMaxConditions)
	}
	j.add(metavalidation.ValidateConditions(d.Conditions, path.Child("conditions")))
	if d.Data != nil && len(d.Data.Raw) > 0 {
		checkRaw(j, d.Data.Raw, resourcev1.AllocatedDeviceStatusDataMaxLength, path.Child("data"))
	}
	if n, at := d.NetworkData, path.Child("networkData"); n != nil {
		if len(n.InterfaceName) > resourcev1.NetworkDeviceDataInterfaceNameMaxLength {
			j.tooLong(at.Child("interfaceName"), resourcev1.NetworkDeviceDataInterfaceNameMaxLength)
		}
		if len(n.HardwareAddress) > resourcev1.NetworkDeviceDataHardwareAddressMaxLength {
			j.tooLong(at.Child("hardwareAddress"), resourcev1.NetworkDeviceDataHardwareAddressMaxLength)
		}
		if ips := at.Child("ips"); atMost(j, len(n.IPs), resourcev1.NetworkDeviceDataMaxIPs, ips) {
			for i, ip := range n.IPs {
				j.add(validation.IsValidInterfaceAddress(ips.Index(i), ip))
				if slices.Contains(n.IPs[:i], ip) {
					j.duplicate(ips.Index(i), ip)
				}
			}
		}
	}
}
