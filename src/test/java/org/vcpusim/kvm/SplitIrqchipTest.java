package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/** What KVM does differently where the IOAPIC is in user space. */
class SplitIrqchipTest {
    private static final int VECTOR = 0x31;
    private static final int SUPPRESSING = 0x1ff | Lapic.SPIV_SUPPRESS_EOI;

    private static Machine split(Machine.Apicv apicv, Fault... faults) {
        return Fixtures.machine(2, apicv, Protocol.SCAN_THEN_LOAD, faults).with(Irqchip.split(24));
    }

    private static Machine withApi(int flags) {
        Machine m = split(Machine.Apicv.ACTIVE);
        return Fixtures.withApi(m, flags).with(m.irqchip());
    }

    private static Routing.MsiRoute route(int gsi, long address, int data) {
        return new Routing.MsiRoute(gsi, address, data);
    }

    /** In the guest, a handled vector in service, its bit in the bitmap. */
    private static SteppedVcpu serving(Machine machine, Lapic lapic) {
        SteppedVcpu v = SteppedVcpu.of(machine, lapic).withRoutes();
        v.change(x -> Fixtures.serving(x, VECTOR, TriggerMode.EDGE))
                .change(x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), -1, Optional.empty()))
                        .with(VmcsSetup.loaded(x.vmcs(), VectorBitmap.of(VECTOR))));
        v.enterGuest().port().forget();
        return v;
    }

    private static SteppedVcpu serving(Machine machine) {
        return serving(machine, Fixtures.enabledLapic(0));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        gsi | address            | data   | pending | handled | stale | reason
        5   | 0x00000000fee00000 | 0x8031 | -       | 0x31    | -1    | a level route for this vCPU
        5   | 0x00000000fee00000 | 0xc431 | -       | 0x31    | -1    | the delivery mode is ignored
        5   | 0x00000000fee00000 | 0x0031 | -       | -       | -1    | an edge route does not count
        5   | 0x00000000fee00000 | 0x0031 | 0x31    | -       | -1    | pending or not
        8   | 0x00000000fee00000 | 0x0031 | -       | -       | -1    | nor does that of the RTC's pin
        5   | 0x00000000fee01000 | 0x8031 | -       | -       | -1    | a level route for another vCPU
        5   | 0x00000000fee01000 | 0x8031 | 0x31    | 0x31    | 0x31  | it is handled while pending, and stale
        5   | 0x00000000fee00000 | 0x8031 | 0x31    | 0x31    | -1    | pending and addressed is not stale
        5   | 0x00000000feeff000 | 0x8031 | -       | 0x31    | -1    | broadcast
        5   | 0x00000000fee01004 | 0x8031 | -       | -       | -1    | logical, and no logical ID is set
        23  | 0x00000000fee00000 | 0x8031 | -       | 0x31    | -1    | the last reserved pin
        24  | 0x00000000fee00000 | 0x8031 | -       | -       | -1    | no reserved pin
        24  | 0x00000000fee01000 | 0x8031 | 0x31    | -       | -1    | pending or not
        """)
    void whichRoutesMakeAVectorHandled(int gsi, long address, int data, String pending, String handled, int stale) {
        Machine machine = split(Machine.Apicv.ACTIVE);
        Lapic lapic = Fixtures.enabledLapic(0);
        if (!pending.equals("-")) {
            lapic = lapic.requested(Integer.decode(pending), TriggerMode.EDGE);
        }
        Vm vm = Vm.created(machine, Routing.NONE.with(route(gsi, address, data)), Fixtures.identities(2));

        IoapicScan.Result result = IoapicScan.scan(machine, vm.scanTable(), lapic);

        VectorBitmap expected = handled.equals("-") ? VectorBitmap.EMPTY : VectorBitmap.of(Integer.decode(handled));
        assertEquals(new IoapicScan.Result(expected, stale), result);
    }

    @Test
    void aScanOfRoutesBeforeTheFixForgetsWhatIsPending() {
        Machine machine = split(Machine.Apicv.ACTIVE, Fault.ROUTE_SCAN_FORGETS_PENDING);
        Lapic lapic = Fixtures.enabledLapic(0).requested(VECTOR, TriggerMode.EDGE);
        Routing routing = Routing.NONE.with(route(5, 0xfee01000L, 0x8031)).with(route(6, 0xfee00000L, 0x8041));
        Vm vm = Vm.created(machine, routing, Fixtures.identities(2));

        IoapicScan.Result result = IoapicScan.scan(machine, vm.scanTable(), lapic);

        assertEquals(new IoapicScan.Result(VectorBitmap.of(0x41), -1), result);
    }

    @ParameterizedTest
    @EnumSource(Machine.Apicv.class)
    void anEoiThatTheRoutesWantLeavesForUserspaceBeforeTheScan(Machine.Apicv apicv) {
        SteppedVcpu v = serving(split(apicv));
        v.execute(GuestAction.Plain.EOI).make(VcpuRequest.SCAN_IOAPIC).stepTo(EntryPhase.USERSPACE);

        assertEquals(List.of(), v.port().sentTo("vm"));
        assertEquals(List.of(new Userspace.IoapicEoi(0, VECTOR)), v.port().sentTo("userspace"));
        assertEquals(
                List.of(new Event.UserspaceExited(0, Event.UserspaceExit.KVM_EXIT_IOAPIC_EOI)),
                v.port().events(Event.UserspaceExited.class));
        assertEquals(List.of(), v.port().events(Event.IoapicScanned.class));
        assertTrue(v.vcpu().requests().test(VcpuRequest.SCAN_IOAPIC), "the scan waits for the next KVM_RUN");
        assertFalse(v.vcpu().requests().test(VcpuRequest.IOAPIC_EOI_EXIT));

        v.port().forget();
        v.enterGuest();
        assertEquals(1, v.port().events(Event.IoapicScanned.class).size());
        assertEquals(List.of(), v.port().sentTo("userspace"));
    }

    @Test
    void checkedAfterTheScanTheEoiIsForgotten() {
        SteppedVcpu v = serving(split(Machine.Apicv.ACTIVE, Fault.EOI_EXIT_AFTER_SCAN));

        v.execute(GuestAction.Plain.EOI).make(VcpuRequest.SCAN_IOAPIC).stepTo(EntryPhase.IN_GUEST);

        assertEquals(List.of(), v.port().sentTo("userspace"));
        assertEquals(List.of(new Event.IoapicEoiDropped(0, VECTOR)), v.port().events(Event.IoapicEoiDropped.class));
    }

    @Test
    void theEoiOfAStaleVectorAsksForAScanToo() {
        SteppedVcpu v = serving(split(Machine.Apicv.ACTIVE));
        v.change(x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), VECTOR, Optional.empty())));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.USERSPACE);

        assertTrue(v.vcpu().requests().test(VcpuRequest.SCAN_IOAPIC));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        irqchip | flags | version   | spiv   | exits | reason
        split   | 0     | 0x1050014 | 0x11ff | true  | the quirk: offered, and not obeyed
        split   | 4     | 0x1050014 | 0x11ff | false | enabled
        split   | 8     | 0x50014   | 0x1ff  | true  | disabled
        kernel  | 0     | 0x50014   | 0x1ff  | false | the kernel's IOAPIC has no EOI register
        kernel  | 8     | 0x50014   | 0x1ff  | false | disabled
        """)
    void whatBecomesOfSuppressedEoiBroadcasts(String irqchip, int flags, int version, int spiv, boolean exits) {
        Machine machine = irqchip.equals("split") ? withApi(flags) : Fixtures.withApi(Fixtures.apicvActive(2), flags);
        Lapic created = Lapic.created(machine, 0);
        Lapic told = LapicRegisters.write(created, ApicRegister.SPIV.offset(), SUPPRESSING)
                .lapic();
        assertEquals(version, created.page().read(ApicRegister.LVR));
        assertEquals(version, told.reset().page().read(ApicRegister.LVR), "INIT keeps it");
        assertEquals(spiv, told.page().read(ApicRegister.SPIV));

        SteppedVcpu v = serving(machine, told);
        v.execute(GuestAction.Plain.EOI)
                .stepTo(exits ? EntryPhase.USERSPACE : machine.isSplit() ? EntryPhase.IN_GUEST : EntryPhase.AWAITING);

        assertEquals(
                exits ? List.of(new Userspace.IoapicEoi(0, VECTOR)) : List.of(),
                v.port().sentTo("userspace"));
    }

    @Test
    void aSuppressedEoiOfAStaleVectorStillAsksForAScan() {
        Machine machine = withApi(Machine.X2APIC_ENABLE_SUPPRESS_EOI_BROADCAST);
        Lapic lapic = Lapic.created(machine, 0);
        SteppedVcpu v = serving(machine, lapic.withPage(lapic.page().write(ApicRegister.SPIV, SUPPRESSING)));
        v.change(x -> x.with(new ExitMap(VectorBitmap.of(VECTOR), VECTOR, Optional.empty())));

        v.execute(GuestAction.Plain.EOI).stepTo(EntryPhase.IN_GUEST);

        assertEquals(1, v.port().events(Event.IoapicScanned.class).size());
    }

    @Test
    void accessesToTheIoapicAndThePicLeaveForUserspace() {
        SteppedVcpu v = SteppedVcpu.of(split(Machine.Apicv.ACTIVE)).withRoutes().enterGuest();
        v.port().forget();

        v.execute(new GuestAction.MmioWrite(0xfec00010L, 4, 0x8031)).stepTo(EntryPhase.USERSPACE);
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.IN_GUEST);
        v.execute(new GuestAction.MmioRead(0xfec00010L, 4)).stepTo(EntryPhase.USERSPACE);
        v.send(new Vcpu.Run(0x8031)).stepTo(EntryPhase.IN_GUEST);
        assertEquals(0x8031, v.vcpu().lastRead());
        v.execute(new GuestAction.IoapicRegisterWrite(0x1a, 0x8031)).stepTo(EntryPhase.USERSPACE);
        v.send(new Vcpu.Run(0)).stepTo(EntryPhase.IN_GUEST);
        v.execute(new GuestAction.PortWrite(0x20, 0x20)).stepTo(EntryPhase.USERSPACE);

        Event.UserspaceExit mmio = Event.UserspaceExit.KVM_EXIT_MMIO;
        assertEquals(
                List.of(
                        new Userspace.VcpuExited(
                                0, mmio, new Userspace.Unhandled(Event.Access.WRITE, 0xfec00010L, 4, 0x8031)),
                        new Userspace.VcpuExited(
                                0, mmio, new Userspace.Unhandled(Event.Access.READ, 0xfec00010L, 4, 0)),
                        new Userspace.IoapicRegisterWritten(0, 0x1a, 0x8031),
                        new Userspace.VcpuExited(
                                0,
                                Event.UserspaceExit.KVM_EXIT_IO,
                                new Userspace.Unhandled(Event.Access.WRITE, 0x20, 1, 0x20))),
                v.port().sentTo("userspace"));
        assertEquals(
                List.of(),
                v.port().sentTo("vm").stream()
                        .filter(m -> !(m instanceof Vm.ReadTable))
                        .toList());
    }

    @Test
    void whatNeedsAnInterruptControllerInTheKernelIsRefused() {
        AnsweredVm vm = new AnsweredVm(Vm.created(split(Machine.Apicv.ACTIVE), Routing.NONE, Fixtures.identities(2)));

        vm.send(new Vm.AssignIrqfd(new Irqfds.Irqfd(1, 5, true)))
                .send(new Vm.SetRouting(Routing.of(Routing.Preset.IOAPIC)))
                .send(new Vm.SetIoapic(IoapicState.of(Machine.plain(1), Ioapic.reset())))
                .send(new Vm.AssignIrqfd(new Irqfds.Irqfd(1, 5, false)));

        assertEquals(
                List.of(
                        new Userspace.Done(Userspace.EINVAL),
                        new Userspace.Done(Userspace.EINVAL),
                        new Userspace.Done(Userspace.ENXIO),
                        new Userspace.Done(0)),
                vm.takeAnswers());
        assertEquals(List.of(), vm.takeLog());
        assertEquals(Routing.NONE, vm.vm().routing());
    }
}
