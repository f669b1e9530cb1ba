package org.vcpusim.kvm;

import java.util.List;
import java.util.Optional;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.VectorBitmap;

/** One vCPU moved by hand, and what it sends. */
final class SteppedVcpu {
    private static final int MOST_STEPS = 200;

    private final RecordingPort port = new RecordingPort();
    private Vcpu vcpu;
    private long inhibits;
    private Vcpu.TableRead table = new Vcpu.TableRead(Ioapic.reset(), 0);

    SteppedVcpu(Vcpu vcpu) {
        this.vcpu = vcpu;
    }

    /** vCPU 0 of a machine, its local APIC software-enabled. */
    static SteppedVcpu of(Machine machine) {
        return of(machine, Fixtures.enabledLapic(0));
    }

    /** Its VMCS has the APIC page, for which the creation of a vCPU asks. */
    static SteppedVcpu of(Machine machine, Lapic lapic) {
        return new SteppedVcpu(VcpuApicv.pageReloaded(Vcpu.created(machine, lapic, Optional.empty())));
    }

    static SteppedVcpu withSynic(Machine machine, VectorBitmap synic) {
        return new SteppedVcpu(Vcpu.created(machine, Fixtures.enabledLapic(0), Optional.of(HvSynic.of(synic))));
    }

    Vcpu vcpu() {
        return vcpu;
    }

    RecordingPort port() {
        return port;
    }

    /** Why it has left the guest, in order. */
    List<ExitReason> exits() {
        return port.events(Event.GuestExited.class).stream()
                .map(Event.GuestExited::reason)
                .toList();
    }

    /** The exits of L2 that L1 was given, in order. */
    List<ExitReason> exitsToL1() {
        return port.events(Event.NestedExitInjected.class).stream()
                .map(Event.NestedExitInjected::reason)
                .toList();
    }

    /** The vectors that the processor has delivered, in order. */
    List<Integer> delivered() {
        return port.events(Event.VirtualInterruptDelivered.class).stream()
                .map(Event.VirtualInterruptDelivered::vector)
                .toList();
    }

    /** The vectors that the guest has taken, in order. */
    List<Integer> taken() {
        return port.events(Event.InterruptTaken.class).stream()
                .map(Event.InterruptTaken::vector)
                .toList();
    }

    /** The redirection table that scans find from now on. */
    SteppedVcpu withTable(Ioapic ioapic, int notifiedPins) {
        table = new Vcpu.TableRead(ioapic, notifiedPins);
        return this;
    }

    /** With the IOAPIC in user space: there are no routes to scan. */
    SteppedVcpu withRoutes() {
        table = new Vcpu.TableRead(new ScanTable.OfRoutes(List.of(), 0));
        return this;
    }

    /** The VM's inhibits that updates find from now on. */
    SteppedVcpu withInhibits(long mask) {
        inhibits = mask;
        return this;
    }

    SteppedVcpu change(java.util.function.UnaryOperator<Vcpu> how) {
        vcpu = how.apply(vcpu);
        return this;
    }

    SteppedVcpu send(Vcpu.Message message) {
        vcpu = vcpu.step(message, port);
        return this;
    }

    SteppedVcpu step() {
        return send(Vcpu.Step.STEP);
    }

    SteppedVcpu make(VcpuRequest request) {
        return send(new Vcpu.MakeRequest(request, 0));
    }

    /** Steps until the thread is in {@code phase}; the redirection table and the inhibits are handed over where
     * they are asked for. */
    SteppedVcpu stepTo(EntryPhase phase) {
        return stepUntil(() -> vcpu.phase() == phase, phase.name());
    }

    /** Steps until the thread waits for {@code await}. */
    SteppedVcpu stepUntilAwaiting(VcpuThread.Await await) {
        return stepUntil(() -> vcpu.thread().await() == await, await.name());
    }

    private SteppedVcpu stepUntil(java.util.function.BooleanSupplier there, String where) {
        for (int steps = 0; !there.getAsBoolean(); steps++) {
            if (steps == MOST_STEPS) {
                throw new IllegalStateException("never in " + where + ", but in " + vcpu.phase());
            }
            send(
                    switch (vcpu.thread().await()) {
                        case TABLE -> table;
                        case INHIBITS -> new Vcpu.InhibitsRead(inhibits);
                        default -> Vcpu.Step.STEP;
                    });
        }
        return this;
    }

    /** KVM_RUN, up to the guest's first instruction. */
    SteppedVcpu enterGuest() {
        return send(new Vcpu.Run(0)).stepTo(EntryPhase.IN_GUEST);
    }

    /** The guest executes {@code action}. */
    SteppedVcpu execute(GuestAction action) {
        return send(new Vcpu.Execute(vcpu.guest().fetches(), action));
    }

    /** Runs the guest up to its HLT, and the vCPU to sleep. */
    SteppedVcpu halt() {
        return enterGuest()
                .execute(GuestAction.Plain.STI)
                .execute(GuestAction.Plain.HLT)
                .stepTo(EntryPhase.BLOCKED);
    }
}
