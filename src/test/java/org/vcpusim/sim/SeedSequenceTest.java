package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Guest;
import org.vcpusim.kvm.GuestAction;
import org.vcpusim.kvm.HvSynic;
import org.vcpusim.kvm.Lapic;
import org.vcpusim.kvm.Machine;
import org.vcpusim.kvm.Program;
import org.vcpusim.kvm.Protocol;
import org.vcpusim.kvm.Routing;
import org.vcpusim.kvm.Vcpu;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.kvm.Vm;
import org.vcpusim.schedule.RandomChooser;

/** From a write of the redirection table to the four EOI_EXIT_BITMAP fields, in the order in which KVM does it. */
class SeedSequenceTest {
    private static final int LEVEL = 1 << 15;
    /** Of pin 8 after reset, which addresses vCPU 0; the scan takes the RTC's pin whatever its entry says. */
    private static final int RTC_VECTOR = 0;

    private static final int FIRST_VECTOR = 0x31;
    private static final int SECOND_VECTOR = 0xa5;
    private static final long SEEDS = 50;

    private static Machine machine(int vcpus, Machine.Apicv apicv) {
        return new Machine(
                vcpus, Protocol.LOAD_EOI_EXITMAP, apicv, 0, 0, Machine.TaskPriority.TPR_SHADOW, List.of(), 0);
    }

    /** vCPU 0 points pins 4 and 5 at vCPU 0; the others halt at once. */
    private static Assembly assembly(Machine machine, Lapic[] lapics, Optional<HvSynic> synic) {
        List<Program.Item<GuestAction>> writes = new ArrayList<>();
        writes.addAll(Assemblies.redirection(4, LEVEL | FIRST_VECTOR, 0).items());
        writes.addAll(Assemblies.redirection(5, LEVEL | SECOND_VECTOR, 0).items());
        Program<GuestAction> nothing = Program.of(List.of(GuestAction.Plain.NOP));
        return Assembly.of(
                machine,
                () -> Vm.created(machine, Routing.of(Routing.Preset.IOAPIC), Assemblies.identities(machine)),
                i -> Vcpu.created(machine, lapics[i], synic),
                i -> i == 0 ? Assemblies.guest(new Program<>(writes), List.of()) : halting(nothing));
    }

    private static Guest halting(Program<GuestAction> nothing) {
        return Assemblies.guest(nothing, List.of());
    }

    private static Lapic[] enabled(int count) {
        Lapic[] lapics = new Lapic[count];
        for (int i = 0; i < count; i++) {
            lapics[i] = Lapic.created(i);
        }
        return lapics;
    }

    private static Trace run(Assembly assembly, long seed) {
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            return run(simulation, assembly, seed);
        }
    }

    private static Trace run(ControlledSimulation simulation, Assembly assembly, long seed) {
        Trace trace = new Trace();
        RunOutcome outcome = simulation.run(assembly, new RandomChooser(seed), List.of(trace), Bounds.steps(100_000));
        assertEquals(RunOutcome.End.QUIESCENT, outcome.end());
        return trace;
    }

    @Test
    void everyWriteOfTheRedirectionTableBroadcastsToAllVcpus() {
        Trace trace = run(assembly(machine(3, Machine.Apicv.ACTIVE), enabled(3), Optional.empty()), 1);
        List<Event.BroadcastStarted> started = trace.events(Event.BroadcastStarted.class);
        assertEquals(trace.events(Event.RedirectionEntryWritten.class).size(), started.size());
        assertEquals(4, started.size());
        for (Event.BroadcastStarted broadcast : started) {
            assertEquals(VcpuRequest.LOAD_EOI_EXITMAP, broadcast.request());
            assertEquals(3, broadcast.targets());
        }
        assertEquals(4, trace.events(Event.BroadcastCompleted.class).size());
    }

    @Test
    void theRequestIsAppliedOnTheWayIntoTheGuestAndNotBefore() {
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            for (long seed = 0; seed < SEEDS; seed++) {
                boolean[] inGuest = new boolean[3];
                boolean[] pending = new boolean[3];
                Assembly assembly = assembly(machine(3, Machine.Apicv.ACTIVE), enabled(3), Optional.empty());
                for (var record : run(simulation, assembly, seed).records) {
                    Event event = record.event();
                    if (event instanceof Event.GuestEntered e) {
                        assertFalse(pending[e.vcpu()], "entered with a request pending: " + record);
                        inGuest[e.vcpu()] = true;
                    } else if (event instanceof Event.GuestExited e) {
                        inGuest[e.vcpu()] = false;
                    } else if (event instanceof Event.RequestMade m
                            && m.flow().request() == VcpuRequest.LOAD_EOI_EXITMAP) {
                        pending[m.vcpu()] = true;
                    } else if (event instanceof Event.RequestSeen s
                            && s.flow().request() == VcpuRequest.LOAD_EOI_EXITMAP) {
                        assertTrue(pending[s.vcpu()]);
                        pending[s.vcpu()] = false;
                    } else if (event instanceof Event.EoiExitmapLoaded l) {
                        assertFalse(inGuest[l.vcpu()], "loaded in the guest: " + record);
                    }
                }
            }
        }
    }

    @Test
    void withTheLocalApicHardwareDisabledNothingIsWritten() {
        Lapic created = Lapic.created(0);
        Lapic disabled = Lapic.of(0, created.page(), created.apicBase() & ~Lapic.BASE_ENABLE);
        Trace trace = run(
                assembly(
                        machine(1, Machine.Apicv.ACTIVE),
                        new Lapic[] {disabled},
                        Optional.of(HvSynic.of(VectorBitmap.of(0x47)))),
                1);
        assertEquals(List.of(), trace.events(Event.EoiExitmapLoaded.class));
        assertTrue(trace.events(Event.EoiExitmapLoadSkipped.class)
                .contains(new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APIC_HW_DISABLED)));
    }

    @Test
    void withApicvInactiveNothingIsWritten() {
        Trace trace = run(assembly(machine(1, Machine.Apicv.INACTIVE), enabled(1), Optional.empty()), 1);
        assertEquals(List.of(), trace.events(Event.EoiExitmapLoaded.class));
        assertTrue(trace.events(Event.EoiExitmapLoadSkipped.class)
                .contains(new Event.EoiExitmapLoadSkipped(0, Event.LoadSkipped.APICV_INACTIVE)));
    }

    @Test
    void vectorsOfTheSynicAreOredIn() {
        HvSynic synic = HvSynic.of(VectorBitmap.of(0x40, 0xf0));
        Trace trace = run(assembly(machine(1, Machine.Apicv.ACTIVE), enabled(1), Optional.of(synic)), 1);
        assertEquals(VectorBitmap.of(RTC_VECTOR, FIRST_VECTOR, SECOND_VECTOR, 0x40, 0xf0), bitmapAtTheEnd(trace));
    }

    @Test
    void withoutHyperVContextTheBitmapEqualsTheHandledVectors() {
        try (ControlledSimulation simulation = new ControlledSimulation()) {
            for (long seed = 0; seed < SEEDS; seed++) {
                Trace trace =
                        run(simulation, assembly(machine(2, Machine.Apicv.ACTIVE), enabled(2), Optional.empty()), seed);
                List<VectorBitmap> scanned = trace.events(Event.IoapicScanned.class).stream()
                        .filter(scan -> scan.vcpu() == 0)
                        .map(Event.IoapicScanned::handled)
                        .toList();
                List<VectorBitmap> loaded = trace.events(Event.EoiExitmapLoaded.class).stream()
                        .filter(load -> load.vcpu() == 0)
                        .map(Event.EoiExitmapLoaded::bitmap)
                        .toList();
                assertEquals(scanned, loaded);
                assertEquals(VectorBitmap.of(RTC_VECTOR, FIRST_VECTOR, SECOND_VECTOR), bitmapAtTheEnd(trace));
            }
        }
    }

    private static VectorBitmap bitmapAtTheEnd(Trace trace) {
        return trace.events(Event.EoiExitBitmapAudited.class).get(0).actual();
    }
}
