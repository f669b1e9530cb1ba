package org.vcpusim.kvm;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.LocalApic;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.arch.Vmcs;

/**
 * One vCPU: its VMCS, local APIC, requests and mode, and the thread that runs it.
 *
 * <p>An immutable state machine. Messages from other CPUs take effect whenever they arrive, as stores to shared memory and
 * interrupts do; {@code Step}, which the vCPU sends itself, is the thread's own progress through {@code vcpu_run}. Only the
 * vCPU itself ever writes its VMCS. Source: {@code struct kvm_vcpu}, {@code struct vcpu_vmx}.
 */
public final class Vcpu {
    private final Machine machine;

    // Never written once a value is out of the method that made it: a copy differs in few of them. Copies are what a
    // step
    // costs most, so what changes together has a method that makes one.
    private VcpuThread thread;
    private RequestSet requests;
    private Lapic lapic;
    private Vmcs vmcs;
    private VcpuEvents events;
    private ExitMap exitMap;
    private GuestLink guest;
    private X2apicMsrBitmap msrBitmap;
    private Posting posting;
    private Placement placement;
    private @Nullable InterruptVirtualization virtualization;
    private ApicvInhibit.Change blockIrq;
    private NestedState nested;

    /** A vCPU before anything of it is set up. */
    private Vcpu(Machine machine, Lapic lapic) {
        this.machine = machine;
        this.lapic = lapic;
        thread = VcpuThread.IN_USERSPACE;
        requests = RequestSet.NONE;
        vmcs = Vmcs.cleared();
        events = VcpuEvents.QUIET;
        exitMap = ExitMap.NONE;
        guest = GuestLink.START;
        msrBitmap = X2apicMsrBitmap.NONE;
        blockIrq = ApicvInhibit.Change.CLEAR;
        nested = NestedState.NONE;
        placement = Placement.of(machine, lapic.vcpu());
        posting = Posting.created(machine);
    }

    /** A copy, one part of which is replaced before anybody else sees it. */
    private Vcpu(Vcpu v) {
        machine = v.machine;
        thread = v.thread;
        requests = v.requests;
        lapic = v.lapic;
        vmcs = v.vmcs;
        events = v.events;
        exitMap = v.exitMap;
        guest = v.guest;
        msrBitmap = v.msrBitmap;
        posting = v.posting;
        placement = v.placement;
        virtualization = v.virtualization;
        blockIrq = v.blockIrq;
        nested = v.nested;
    }

    /**
     * A vCPU after creation, in user space, its VMCS initialised. APICv is active for it where the module may use it, whatever
     * the VM's inhibits and the local APIC's mode: KVM_REQ_APICV_UPDATE looks at these before the first entry.
     *
     * @param lapic its local APIC, {@link Lapic#created} or what firmware has made of it
     * @param synic its Hyper-V SynIC; empty without Hyper-V context
     */
    public static Vcpu created(Machine machine, Lapic lapic, Optional<HvSynic> synic) {
        Vcpu created = new Vcpu(machine, lapic.withApicv(machine.apicv()));
        created.exitMap = new ExitMap(VectorBitmap.EMPTY, -1, synic);
        Vmcs initialised = VmcsSetup.initialised(machine, lapic.vcpu());
        created.vmcs = VmcsSetup.withVirtualApicMode(initialised, Lapic.mode(lapic.apicBase()));
        created.msrBitmap = X2apicMsrBitmap.of(created.vmcs, machine.apicv());
        return created;
    }

    /** What a vCPU is told. */
    public sealed interface Message {}

    /** The thread takes its next step. */
    public enum Step implements Message {
        STEP
    }

    /** Whether an exchange of modes wakes a sleeper first. */
    public enum Wakeup {
        WAKE,
        LEAVE_ASLEEP
    }

    /** Another CPU sets a request bit. */
    public record MakeRequest(VcpuRequest request, int sequence) implements Message, Wire.Message {
        @Override
        public void arrive(int vcpu, Port port) {
            port.toVcpu(vcpu, this);
        }
    }

    /** Another CPU wakes it, or reads its mode and takes it from IN_GUEST_MODE to EXITING_GUEST_MODE. */
    public record ExchangeMode(int task, Wakeup wakeup) implements Message {}

    /** An IPI arrives at its processor; {@code task} waits for it unless it is {@link #NOBODY_WAITS}. */
    public record HostIpi(Event.HostVector vector, int task) implements Message, Wire.Message {
        /** The sender does not wait. */
        public static final int NOBODY_WAITS = 0;

        @Override
        public void arrive(int vcpu, Port port) {
            port.toVcpu(vcpu, this);
        }
    }

    /** An interrupt message arrives at its local APIC. */
    public record Accept(int task, InterruptMessage message) implements Message {}

    /** The sender of an interrupt that was accepted does the second of its stores; {@code kvm_lapic_set_irr}. */
    public record CompleteAccept(int vector) implements Message {}

    /** Another CPU sets the request of {@code vector} in PIR and asks what it was before; {@code pi_test_and_set_pir}. */
    public record SetPir(int task, int vector) implements Message {}

    /** Another CPU sets ON and asks what it was before; {@code pi_test_and_set_on}. */
    public record SetOn(int task) implements Message {}

    /** L1 of some vCPU requests {@code vector} in the descriptor of this one's L2. */
    public record SetNestedPir(int vector) implements Message {}

    /** L1 of some vCPU sets ON in the descriptor of this one's L2. */
    public enum SetNestedOn implements Message {
        SET_NESTED_ON
    }

    /** Another CPU reads the mode, and leaves it. */
    public record ReadMode(int task) implements Message {}

    /** Another CPU wakes it if it sleeps; {@code kvm_vcpu_wake_up}. */
    public enum WakeUp implements Message {
        WAKE_UP,
        /** The wake-up vector's handler: only if ON is set. */
        IF_OUTSTANDING
    }

    /** From now on devices may post to it, or may not. */
    public enum Assignment implements Message {
        ASSIGNED,
        UNASSIGNED
    }

    /** A device posts {@code vector} through the IOMMU. */
    public record PostFromDevice(int vector) implements Message {}

    /** A device interrupts the processor that the thread runs on or ran on last; the handler delivers {@code vector} from there. */
    public record InterruptFromDevice(int vector) implements Message {}

    /** The host takes the processor away; the thread goes on on {@code cpu}, where that is not {@link #SAME_CPU}. */
    public record Preempt(int cpu) implements Message {
        /** The thread stays where it is. */
        public static final int SAME_CPU = Placement.NOWHERE;
    }

    /** The timer says that halt {@code halt} lasts longer than a halted vCPU may look around. */
    public record HaltIsLong(int halt) implements Message {}

    /** The thread runs on {@code cpu} from now on. */
    public record ScheduledIn(int cpu) implements Message {}

    /** The VM asks whether {@code vector} is requested or in service. */
    public record QueryPendingEoi(int task, int vector) implements Message {}

    /** Its thread, inside the VM's work {@code task}, gets to the next step; see {@link Fault#LINE_STATE_OUTSIDE_LOCK}. */
    public record GoOn(int task) implements Message {}

    /** The PIC's output is {@code level}. */
    public record PicOutput(int level) implements Message {}

    /** At quiescence: compare the bitmap with a fresh scan of {@code table}. */
    public record Audit(int task, ScanTable table) implements Message {}

    /** Another machine has done what it was asked; {@code value} is what it read. */
    public record OperationDone(long value) implements Message {}

    /** The table that a scan reads. */
    public record TableRead(ScanTable table) implements Message {
        /** The redirection table as it is under the lock. */
        public TableRead(Ioapic ioapic, int notifiedPins) {
            this(new ScanTable.OfIoapic(ioapic, notifiedPins));
        }
    }

    /** Another CPU reads a SINT register. */
    public record ReadSint(int task, int sint) implements Message {}

    /** {@code apicv_update_lock} is held for reading, and these are the VM's inhibits. */
    public record InhibitsRead(long inhibits) implements Message {}

    /** The VM's inhibits at one moment of its creation. */
    public record InhibitsSampled(long inhibits) implements Message {}

    /** The guest's next instruction. */
    public record Execute(int fetch, GuestAction action) implements Message {}

    /** KVM_RUN; {@code value} completes the read that the last KVM_RUN returned for. */
    public record Run(long value) implements Message {}

    /** What user space can do to a vCPU that it does not run. */
    public sealed interface Ioctl extends Message {}

    /** Ioctls without data. */
    public enum Plain implements Ioctl {
        /** KVM_CREATE_VCPU: what is left to do when the VMCS and the local APIC exist. */
        CREATE,
        /** KVM_SET_REGS: interrupts off, at the first instruction. */
        SET_REGS,
        /** KVM_NMI. */
        NMI,
        /** KVM_SMI. */
        SMI,
        /** A signal: KVM_RUN returns as soon as it can. */
        SIGNAL,
        /** A signal and {@code immediate_exit}: KVM_RUN returns as soon as it can, the next one where none is under way. */
        IMMEDIATE_EXIT,
        /** KVM_GET_MP_STATE, KVM_GET_LAPIC and KVM_GET_VCPU_EVENTS; the first acts on a pending INIT or SIPI. */
        GET_STATE
    }

    /** KVM_SET_MP_STATE. */
    public record SetMpState(MpState state) implements Ioctl {}

    /** KVM_SET_GUEST_DEBUG: KVM_GUESTDBG_BLOCKIRQ set or clear. */
    public record SetGuestDebug(ApicvInhibit.Change blockIrq) implements Ioctl {}

    /** KVM_SET_LAPIC: the registers that are to differ from what KVM_GET_LAPIC reports. */
    public record SetLapic(java.util.List<RegisterValue> registers) implements Ioctl {
        public SetLapic {
            registers = java.util.List.copyOf(registers);
        }
    }

    /** A register by its offset in the page. */
    public record RegisterValue(int offset, int value) {}

    /** The next state; what has to happen elsewhere goes to {@code port}. */
    public Vcpu step(Message message, Port port) {
        if (message instanceof Step) {
            return VcpuRun.step(this, port);
        }
        if (message instanceof Execute e) {
            return e.fetch == guest.fetches() && thread.phase() == EntryPhase.IN_GUEST
                    ? GuestExecution.execute(this, e.action, port)
                    : this;
        }
        if (message instanceof OperationDone d) {
            return VcpuAwait.done(this, d.value, port);
        }
        if (message instanceof TableRead t) {
            return VcpuExitMap.tableRead(this, t, port);
        }
        if (message instanceof InhibitsRead i) {
            return VcpuApicv.inhibitsRead(this, i, port);
        }
        if (message instanceof InhibitsSampled i) {
            return VcpuCreation.sampled(this, i.inhibits, port);
        }
        if (message instanceof Ioctl i) {
            return VcpuIoctls.step(this, i, port);
        }
        if (message instanceof Run r) {
            return VcpuRun.enterKernel(this, r.value, port);
        }
        return VcpuRemote.step(this, message, port);
    }

    @Override
    public String toString() {
        return "Vcpu[" + index() + ", " + phase() + ", " + mode() + ", requests=0x" + Long.toHexString(requests.word())
                + "]";
    }

    /** Index, 0 to vcpuCount - 1. */
    public int index() {
        return lapic.vcpu();
    }

    /** What stays the same. */
    public Machine machine() {
        return machine;
    }

    VcpuThread thread() {
        return thread;
    }

    /** Where the thread is. */
    public EntryPhase phase() {
        return thread.phase();
    }

    /** The mode as other CPUs see it. */
    public VcpuMode mode() {
        return thread.mode();
    }

    /** Requests pending. */
    public RequestSet requests() {
        return requests;
    }

    /** The local APIC. */
    public Lapic lapic() {
        return lapic;
    }

    /** The current VMCS: vmcs01, or vmcs02 while L2 runs. */
    public Vmcs vmcs() {
        return vmcs;
    }

    /** The VMCS that runs L1, current or not. */
    public Vmcs vmcs01() {
        return nested.guestMode() ? nested.vmcs01() : vmcs;
    }

    /** What it keeps for the hypervisor that its guest is. */
    public NestedState nested() {
        return nested;
    }

    /** Events on their way into the guest. */
    public VcpuEvents events() {
        return events;
    }

    /** Which EOIs it has to see. */
    public ExitMap exitMap() {
        return exitMap;
    }

    GuestLink guest() {
        return guest;
    }

    /** The posted-interrupt descriptor, and what has come to be done about it. */
    public Posting posting() {
        return posting;
    }

    /** Where its thread runs. */
    Placement placement() {
        return placement;
    }

    /** What the processor keeps outside the virtual-APIC page; null unless the guest runs with virtual-interrupt delivery. */
    @Nullable InterruptVirtualization virtualization() {
        return virtualization;
    }

    /** What the guest's last read returned, as KVM_GET_REGS shows it. */
    public long lastRead() {
        return guest.value();
    }

    /** Whether APICv is active for it; {@code kvm_vcpu_apicv_active}. */
    public boolean apicvActive() {
        return lapic.hints().apicv() == Machine.Apicv.ACTIVE;
    }

    /** Whether a debugger holds its interrupts back: KVM_GUESTDBG_BLOCKIRQ. */
    boolean blocksIrqs() {
        return blockIrq == ApicvInhibit.Change.SET;
    }

    Vcpu withBlockIrq(ApicvInhibit.Change change) {
        Vcpu copy = new Vcpu(this);
        copy.blockIrq = change;
        return copy;
    }

    /** Which accesses to x2APIC MSRs leave the guest. */
    public X2apicMsrBitmap msrBitmap() {
        return msrBitmap;
    }

    /** Makes a request on itself. */
    Vcpu make(VcpuRequest request, Port port) {
        return make(request, 0, port);
    }

    Vcpu make(VcpuRequest request, int sequence, Port port) {
        boolean coalesced = requests.test(request);
        RequestSet made = requests.make(request, sequence);
        RequestSet.Flow flow = made.flowOf(request);
        if (flow != null) {
            port.emit(new Event.RequestMade(index(), flow, coalesced, phase()));
        }
        return with(made);
    }

    /** Goes on in another phase, by a step of its own. */
    Vcpu goTo(EntryPhase phase, Port port) {
        return goTo(thread.at(phase), port);
    }

    /** Goes on as another thread state says, by a step of its own. */
    Vcpu goTo(VcpuThread next, Port port) {
        if (next.phase().isActive()) {
            port.toVcpu(index(), Step.STEP);
        }
        return with(next);
    }

    Vcpu with(VcpuThread other) {
        Vcpu copy = new Vcpu(this);
        copy.thread = other;
        return copy;
    }

    @SuppressWarnings("ReferenceEquality") // no change is no copy
    Vcpu with(RequestSet other) {
        if (other == requests) {
            return this;
        }
        Vcpu copy = new Vcpu(this);
        copy.requests = other;
        return copy;
    }

    /** The two at once, one copy. */
    Vcpu with(RequestSet otherRequests, VcpuThread otherThread) {
        Vcpu copy = new Vcpu(this);
        copy.requests = otherRequests;
        copy.thread = otherThread;
        return copy;
    }

    @SuppressWarnings("ReferenceEquality") // no change is no copy
    Vcpu with(Lapic other) {
        if (other == lapic) {
            return this;
        }
        Vcpu copy = new Vcpu(this);
        copy.lapic = other;
        return copy;
    }

    @SuppressWarnings("ReferenceEquality") // no change is no copy
    Vcpu with(Vmcs other) {
        if (other == vmcs) {
            return this;
        }
        Vcpu copy = new Vcpu(this);
        copy.vmcs = other;
        return copy;
    }

    Vcpu with(VcpuEvents other) {
        Vcpu copy = new Vcpu(this);
        copy.events = other;
        return copy;
    }

    Vcpu with(Nmis other) {
        return with(events.with(other));
    }

    Vcpu with(ExitMap other) {
        Vcpu copy = new Vcpu(this);
        copy.exitMap = other;
        return copy;
    }

    @SuppressWarnings("ReferenceEquality") // no change is no copy
    Vcpu with(GuestLink other) {
        if (other == guest) {
            return this;
        }
        Vcpu copy = new Vcpu(this);
        copy.guest = other;
        return copy;
    }

    Vcpu with(NestedState other) {
        Vcpu copy = new Vcpu(this);
        copy.nested = other;
        return copy;
    }

    Vcpu with(X2apicMsrBitmap other) {
        Vcpu copy = new Vcpu(this);
        copy.msrBitmap = other;
        return copy;
    }

    Vcpu with(Placement other) {
        Vcpu copy = new Vcpu(this);
        copy.placement = other;
        return copy;
    }

    Vcpu with(Posting other) {
        Vcpu copy = new Vcpu(this);
        copy.posting = other;
        return copy;
    }

    /** With the virtual-APIC page and what the processor keeps beside it. */
    Vcpu with(LocalApic page, @Nullable InterruptVirtualization other) {
        Vcpu copy = new Vcpu(this);
        copy.lapic = lapic.withPage(page);
        copy.virtualization = other;
        return copy;
    }

    /** The same, and what the guest is told. */
    Vcpu with(LocalApic page, @Nullable InterruptVirtualization other, GuestLink otherGuest) {
        Vcpu copy = new Vcpu(this);
        copy.lapic = lapic.withPage(page);
        copy.virtualization = other;
        copy.guest = otherGuest;
        return copy;
    }

    /** The same, and where the thread is. */
    Vcpu with(LocalApic page, @Nullable InterruptVirtualization other, VcpuThread otherThread) {
        Vcpu copy = new Vcpu(this);
        copy.lapic = lapic.withPage(page);
        copy.virtualization = other;
        copy.thread = otherThread;
        return copy;
    }

    /** Out of the guest: the VMCS has all that the processor knew. */
    Vcpu left(Vmcs stored, VcpuThread otherThread) {
        Vcpu copy = new Vcpu(this);
        copy.vmcs = stored;
        copy.thread = otherThread;
        copy.virtualization = null;
        return copy;
    }

    /** With APICv active or not as far as the local APIC is concerned. */
    Vcpu withApicv(Machine.Apicv apicv) {
        return with(lapic.afterApicvChange(apicv, machine.rules()));
    }

    /** The request being handled, if any; for traces of a request's life. */
    RequestSet.@Nullable Flow handling() {
        return thread.handling();
    }
}
