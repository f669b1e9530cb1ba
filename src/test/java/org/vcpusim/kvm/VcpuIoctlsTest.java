package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vcpusim.arch.ApicRegister;
import org.vcpusim.arch.VectorBitmap;

/** What user space does to a vCPU that it does not run, and what it is answered. */
class VcpuIoctlsTest {
    private static final Userspace.VcpuCalled DONE = new Userspace.VcpuCalled(0, 0);
    private static final Userspace.VcpuCalled EINVAL = new Userspace.VcpuCalled(0, -22);

    private static SteppedVcpu vcpu(Machine machine, Lapic lapic) {
        SteppedVcpu v = SteppedVcpu.of(machine, lapic);
        v.port().forget();
        return v;
    }

    private static SteppedVcpu vcpu() {
        return vcpu(Fixtures.apicvActive(2), Fixtures.enabledLapic(0));
    }

    private static List<Object> answers(SteppedVcpu v) {
        return v.port().sentTo("userspace");
    }

    @ParameterizedTest
    @EnumSource(MpState.class)
    void aStateThatIsSetIsThereAndEventsAreLookedAt(MpState state) {
        SteppedVcpu v = vcpu().change(x -> x.with(x.lapic().withSipi(0x9a).withoutSipi()));

        v.send(new Vcpu.SetMpState(state));

        boolean sipi = state == MpState.SIPI_RECEIVED;
        assertEquals(sipi ? MpState.INIT_RECEIVED : state, v.vcpu().events().mpState());
        assertEquals(sipi, v.vcpu().lapic().sipiPending(), "with the vector of the last start-up IPI");
        assertEquals(0x9a, v.vcpu().lapic().sipiVector());
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
        assertEquals(List.of(DONE), answers(v));
    }

    @ParameterizedTest
    @CsvSource({"INIT_RECEIVED, false", "SIPI_RECEIVED, false", "HALTED, true", "RUNNABLE, true"})
    void aWaitingSmiGoesBeforeInitAndStartUp(MpState state, boolean taken) {
        SteppedVcpu v =
                vcpu().change(x -> x.with(x.events().with(MpState.UNINITIALIZED).withSmiPending(true)));

        v.send(new Vcpu.SetMpState(state));

        assertEquals(List.of(taken ? DONE : EINVAL), answers(v));
        assertEquals(taken ? state : MpState.UNINITIALIZED, v.vcpu().events().mpState());
        assertEquals(taken, v.vcpu().requests().test(VcpuRequest.EVENT));
    }

    @Test
    void aVcpuThatARemoteReadHasWokenIsReportedRunnable() {
        VcpuEvents halted = VcpuEvents.QUIET.with(MpState.HALTED);

        assertEquals(MpState.HALTED, halted.reportedMpState());
        assertEquals(MpState.RUNNABLE, halted.withPvUnhalted(true).reportedMpState());
        assertEquals(
                MpState.UNINITIALIZED,
                halted.with(MpState.UNINITIALIZED).withPvUnhalted(true).reportedMpState());
    }

    private static Vcpu shown(SteppedVcpu v) {
        List<Object> answers = answers(v);
        assertEquals(1, answers.size());
        return ((Userspace.VcpuState) answers.get(0)).vcpu();
    }

    /** {@code process_nmi} and {@code process_smi}, of which KVM_GET_VCPU_EVENTS makes requests into events. */
    @Test
    void theStateHasWhatWasQueuedAndAnEventRequestForIt() {
        SteppedVcpu v = vcpu().send(Vcpu.Plain.NMI).send(Vcpu.Plain.NMI).send(Vcpu.Plain.SMI);
        v.port().forget();

        v.send(Vcpu.Plain.GET_STATE);

        assertEquals(v.vcpu(), shown(v));
        assertEquals(new Nmis(0, 2, false, false), v.vcpu().events().nmis());
        assertTrue(v.vcpu().events().smiPending());
        assertEquals(VcpuRequest.EVENT.mask(), v.vcpu().requests().word());
        assertEquals(2, v.port().events(Event.RequestSeen.class).size());
        assertEquals(2, v.port().events(Event.RequestApplied.class).size());
    }

    @Test
    void withNothingQueuedTheStateIsOnlyShown() {
        SteppedVcpu v = vcpu();
        Vcpu before = v.vcpu();

        v.send(Vcpu.Plain.GET_STATE);

        assertEquals(before.requests(), shown(v).requests());
        assertEquals(List.of(), v.port().events(Event.RequestSeen.class));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whatWasPostedIsInTheStateOfALocalApicThatIsThere(boolean enabled) {
        Lapic lapic = Fixtures.enabledLapic(0);
        SteppedVcpu v = vcpu(Fixtures.apicvActive(1), enabled ? lapic : lapic.withApicBase(Lapic.DEFAULT_PAGE));
        v.send(new Vcpu.SetPir(1, 0x61)).send(new Vcpu.SetOn(1));

        v.send(Vcpu.Plain.GET_STATE);

        assertEquals(
                enabled ? VectorBitmap.of(0x61) : VectorBitmap.EMPTY,
                shown(v).lapic().page().irr());
    }

    /** {@code kvm_apic_accept_events}, which KVM_GET_MP_STATE calls. */
    @Test
    void anInitIsActedOnBeforeTheStateIsShown() {
        SteppedVcpu v = vcpu(Fixtures.apicvActive(2), Fixtures.enabledLapic(1));
        v.change(x -> x.with(x.lapic().withInit()));

        v.send(Vcpu.Plain.GET_STATE);
        ApicIdentity reset = v.vcpu().lapic().identity();
        assertEquals(List.of(), answers(v));
        assertEquals(List.of(new Vm.ChangeIdentity(reset)), v.port().sentTo("vm"));
        assertEquals(List.of(Guest.Startup.STARTUP), v.port().sentTo("guest 1"));
        assertEquals(List.of(new Event.ApicIdentityChanged(reset)), v.port().events(Event.ApicIdentityChanged.class));

        v.send(new Vcpu.OperationDone(0));
        assertEquals(MpState.INIT_RECEIVED, shown(v).events().mpState());
        assertEquals(EntryPhase.USERSPACE, v.vcpu().phase());
        assertEquals(VcpuThread.Await.NOTHING, v.vcpu().thread().await());
    }

    @Test
    void aStartUpIpiIsActedOnBeforeTheStateIsShown() {
        SteppedVcpu v = vcpu(Fixtures.apicvActive(2), Fixtures.enabledLapic(1));
        v.change(x ->
                x.with(x.events().with(MpState.INIT_RECEIVED)).with(x.lapic().withSipi(0x9a)));

        v.send(Vcpu.Plain.GET_STATE);

        assertEquals(MpState.RUNNABLE, shown(v).events().mpState());
        assertEquals(List.of(new Event.SipiStarted(1, 0x9a)), v.port().events(Event.SipiStarted.class));
        assertEquals(List.of(Guest.Startup.STARTUP), v.port().sentTo("guest 1"));
    }

    private static Vcpu.SetLapic registers(int... offsetsAndValues) {
        List<Vcpu.RegisterValue> values = new java.util.ArrayList<>();
        for (int i = 0; i < offsetsAndValues.length; i += 2) {
            values.add(new Vcpu.RegisterValue(offsetsAndValues[i], offsetsAndValues[i + 1]));
        }
        return new Vcpu.SetLapic(values);
    }

    @Test
    void aRestoredLocalApicIsMadeKnownBeforeTheIoctlReturns() {
        SteppedVcpu v = vcpu().send(registers(0xd0, 0x12000000, 0x30, 0x99));
        Lapic lapic = v.vcpu().lapic();
        assertEquals(0x12000000, lapic.page().read(ApicRegister.LDR));
        assertEquals(
                Fixtures.enabledLapic(0).page().read(ApicRegister.LVR),
                lapic.page().read(ApicRegister.LVR),
                "the version is the kernel's");
        assertEquals(List.of(new Vm.RestoreApic(lapic.identity())), v.port().sentTo("vm"));
        assertEquals(
                List.of(
                        new Event.LapicStateSet(
                                0, 0, 0x1ff, VectorBitmap.EMPTY, VectorBitmap.EMPTY, VectorBitmap.EMPTY),
                        new Event.ApicIdentityChanged(lapic.identity())),
                v.port().takeEvents());
        assertEquals(List.of(), answers(v));

        v.send(new Vcpu.OperationDone(0));
        assertEquals(List.of(DONE), answers(v));
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
        assertEquals(VcpuThread.Await.NOTHING, v.vcpu().thread().await());
    }

    private static SteppedVcpu x2apic(int api) {
        return vcpu(Fixtures.withApi(Fixtures.apicvActive(2), api), Fixtures.x2apicLapic(0));
    }

    /** {@code kvm_apic_state_fixup}: an x2APIC's ID cannot be set, and its LDR follows from it. */
    @Test
    void anX2apicsIdAndLdrAreTheVcpus() {
        SteppedVcpu v = x2apic(0).send(registers(0x20, 0x01000000, 0xd0, 0x7));

        assertEquals(0, v.vcpu().lapic().page().read(ApicRegister.ID));
        assertEquals(1, v.vcpu().lapic().page().read(ApicRegister.LDR));
        assertEquals(1, v.port().sentTo("vm").size());
    }

    @Test
    void anotherIdOf32BitsIsRefusedAndNothingIsTaken() {
        SteppedVcpu v = x2apic(Machine.X2APIC_API_USE_32BIT_IDS);
        Vcpu before = v.vcpu();

        v.send(registers(0x20, 1, 0x80, 0x30));

        assertEquals(List.of(EINVAL), answers(v));
        assertEquals(before.lapic(), v.vcpu().lapic());
        assertEquals(List.of(), v.port().sentTo("vm"));
        assertEquals(List.of(), v.port().takeEvents());
    }

    /** {@code kvm_apic_set_state} writes SPIV before it looks at the ID. */
    @Test
    void aRefusedStateHasLeftItsSpivBehind() {
        SteppedVcpu v = x2apic(Machine.X2APIC_API_USE_32BIT_IDS).send(registers(0x20, 1, 0xf0, 0xff));

        Lapic lapic = v.vcpu().lapic();
        assertEquals(false, lapic.swEnabled());
        assertEquals(0, lapic.page().read(ApicRegister.ID));
        assertEquals(List.of(new Vm.ChangeIdentity(lapic.identity())), v.port().sentTo("vm"));
        assertEquals(
                List.of(new Event.ApicIdentityChanged(lapic.identity())),
                v.port().events(Event.ApicIdentityChanged.class));
        assertEquals(List.of(), answers(v));

        v.send(new Vcpu.OperationDone(0));
        assertEquals(List.of(EINVAL), answers(v));
        assertEquals(VcpuThread.Await.NOTHING, v.vcpu().thread().await());
    }

    @Test
    void theSameIdOf32BitsIsTaken() {
        SteppedVcpu v = x2apic(Machine.X2APIC_API_USE_32BIT_IDS).send(registers(0x20, 0, 0x80, 0x30));

        assertEquals(0x30, v.vcpu().lapic().page().tpr());
        assertEquals(1, v.port().sentTo("vm").size());
    }

    /** Without APICv there is no inhibit to count. */
    @Test
    void withoutApicvADebuggersHoldIsNobodyElsesBusiness() {
        SteppedVcpu v = vcpu(Fixtures.apicvInactive(1), Fixtures.enabledLapic(0));

        v.send(new Vcpu.SetGuestDebug(ApicvInhibit.Change.SET));

        assertEquals(List.of(DONE), answers(v));
        assertEquals(List.of(), v.port().sentTo("vm"));
        assertEquals(List.of(new Event.GuestDebugSet(0, true)), v.port().events(Event.GuestDebugSet.class));
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
    }

    @Test
    void setRegistersPutTheGuestAtItsStart() {
        SteppedVcpu v = vcpu().enterGuest();
        v.execute(GuestAction.Plain.STI)
                .execute(GuestAction.Plain.EXIT_TO_USERSPACE)
                .stepTo(EntryPhase.USERSPACE);

        v.send(Vcpu.Plain.SET_REGS);

        assertEquals(GuestLink.START.rip(), v.vcpu().guest().rip());
        assertEquals(false, v.vcpu().guest().interruptsEnabled());
        assertTrue(v.vcpu().requests().test(VcpuRequest.EVENT));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        lapics | busy  | events
        true   | false | VmcsInitialised ApicIdentityChanged
        true   | true  | LapicStateSet VmcsInitialised ApicIdentityChanged
        false  | true  | VmcsInitialised
        """)
    void aNewVcpuTellsWhatItStartsWith(boolean lapics, boolean busy, String events) {
        Machine machine = Fixtures.apicvActive(1).with(lapics ? Irqchip.KERNEL : Irqchip.NONE);
        Lapic quiet = Fixtures.enabledLapic(0);
        SteppedVcpu v = new SteppedVcpu(Vcpu.created(machine, busy ? quiet.withTpr(0x20) : quiet, Optional.empty()));

        v.send(Vcpu.Plain.CREATE);

        List<Event> told = v.port().takeEvents().stream()
                .filter(e -> !(e instanceof Event.RequestMade))
                .toList();
        assertEquals(
                events,
                String.join(
                        " ",
                        told.stream().map(e -> e.getClass().getSimpleName()).toList()));
        assertTrue(told.contains(new Event.VmcsInitialised(0, true)));
    }

    @Test
    void aNewVcpuTellsTheVectorsOfItsSynic() {
        Machine machine = Fixtures.apicvActive(1);
        SteppedVcpu v = SteppedVcpu.withSynic(machine, VectorBitmap.of(0x51)).send(Vcpu.Plain.CREATE);

        assertEquals(
                List.of(new Event.SynicVectorsChanged(0, VectorBitmap.of(0x51))),
                v.port().events(Event.SynicVectorsChanged.class));
    }
}
