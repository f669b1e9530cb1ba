package org.vcpusim.sim;

import java.util.Map;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Device;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.HostTimer;
import org.vcpusim.kvm.Ioapic;
import org.vcpusim.kvm.Pit;
import org.vcpusim.kvm.Userspace;
import org.vcpusim.kvm.UserspaceIoapic;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.Vm;
import org.vcpusim.scenario.Peripheral;
import org.vcpusim.scenario.Scenario;

/** Makes the parts of a machine out of a scenario. */
public final class ScenarioAssembly {
    private ScenarioAssembly() {}

    /** The machine of {@code scenario} before it starts. */
    public static Assembly of(Scenario scenario) {
        boolean split = scenario.machine().isSplit();
        Assembly assembly = Assembly.of(
                        scenario.machine(),
                        () -> vm(scenario),
                        i -> Vcpu.created(scenario.machine(), scenario.lapic(i), scenario.synic(i)),
                        i -> Guest.starting(scenario.software(i)))
                .withDevices(
                        i -> device(i, scenario.devices().get(i)),
                        i -> scenario.devices().get(i).name());
        return split ? assembly.with(outside(scenario)) : assembly;
    }

    private static Assembly.Outside outside(Scenario scenario) {
        Userspace userspace = Userspace.of(scenario.machine(), UserspaceIoapic.of(scenario.ioapic()));
        return new Assembly.Outside(userspace, HostTimer.IDLE, message -> {});
    }

    private static Vm vm(Scenario scenario) {
        ApicIdentity[] identities = new ApicIdentity[scenario.machine().vcpuCount()];
        for (int i = 0; i < identities.length; i++) {
            identities[i] = scenario.lapic(i).identity();
        }
        Vm vm = Vm.created(scenario.machine(), scenario.routing(), identities);
        return scenario.machine().isSplit() ? vm : vm.with(ioapic(scenario)).with(Pit.of(scenario.pit()));
    }

    private static Ioapic ioapic(Scenario scenario) {
        Ioapic ioapic = Ioapic.reset().restored(scenario.ioapic());
        for (Map.Entry<Integer, Integer> count : scenario.successiveEois().entrySet()) {
            ioapic = ioapic.withSuccessiveEois(count.getKey(), count.getValue());
        }
        return ioapic;
    }

    private static Device device(int index, Peripheral peripheral) {
        return Device.off(index, peripheral.gsi(), peripheral.program()).wiredTo(peripheral.wiring());
    }
}
