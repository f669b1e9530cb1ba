package org.vcpusim.scenario;

import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Program;

/**
 * A device of a scenario.
 *
 * @param gsi of its line; {@link org.vcpusim.kvm.Routing#MAX_GSI}, which leads nowhere, for a device without one
 * @param wiring how its line gets to an IOAPIC
 */
public record Peripheral(String name, int gsi, Device.Wiring wiring, Program<Device.Action> program) {}
