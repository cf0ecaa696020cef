/* What dispatches and copies cost on a device: measured at the first plan that leaves the choice of a schedule to us,
 * remembered by the device and by the context's cache. */
#ifndef EXCITON_CORE_COSTS_H
#define EXCITON_CORE_COSTS_H

#include "core/device.h"

/* With points up to a copy that moves `footprint` bytes, or as far as a moment's measuring goes. `points` is 0 where
 * nothing could be measured. Not under the device's lock. */
exciton_costs exciton_device_costs(exciton_device *device, uint64_t footprint);

#endif
