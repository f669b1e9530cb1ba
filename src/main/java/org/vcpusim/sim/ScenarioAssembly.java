package org.vcpusim.sim;

import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.scenario.Peripheral;
import org.vcpusim.scenario.Scenario;

/** Makes the parts of a machine out of a scenario. */
public final class ScenarioAssembly {
    private ScenarioAssembly() {}

    /** The machine of {@code scenario} before it starts. */
    public static Assembly of(Scenario scenario) {
        return Assembly.of(
                        scenario.machine(),
                        () -> vm(scenario),
                        i -> Vcpu.created(scenario.machine(), scenario.lapic(i), scenario.synic(i)),
                        i -> Guest.starting(scenario.software(i)))
                .withDevices(
                        i -> device(i, scenario.devices().get(i)),
                        i -> scenario.devices().get(i).name());
    }

    private static Vm vm(Scenario scenario) {
        ApicIdentity[] identities = new ApicIdentity[scenario.machine().vcpuCount()];
        for (int i = 0; i < identities.length; i++) {
            identities[i] = scenario.lapic(i).identity();
        }
        return Vm.created(scenario.machine(), scenario.routing(), identities)
                .with(Ioapic.reset().restored(scenario.ioapic()));
    }

    private static Device device(int index, Peripheral peripheral) {
        return Device.off(index, peripheral.gsi(), peripheral.program());
    }
}
