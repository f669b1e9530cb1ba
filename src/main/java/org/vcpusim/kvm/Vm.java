package org.vcpusim.kvm;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;

/**
 * The VM: the interrupt controllers that are not part of a vCPU, the routing, and the work they are doing.
 *
 * <p>An immutable state machine. A message either starts a task or carries one on; {@link VmStep} says what a step may do.
 * Steps that {@code ioapic->lock} keeps out wait in {@link VmTasks}. Source: {@code struct kvm} and {@code struct kvm_arch},
 * arch/x86/kvm/ioapic.c, irq.c, i8259.c.
 */
public final class Vm {
    private final Machine machine;
    private final Ioapic ioapic;
    private final Pic pic;
    private final Apics apics;
    private final VmApicv apicv;
    private final Irqs irqs;
    private final VmTasks tasks;
    /** What scans see instead of the redirection table, oldest first, while writes of it are not visible. */
    private final List<Ioapic> tables;

    private record Irqs(Routing routing, int published, Irqfds irqfds, Pit pit, int assigned) {}

    @SuppressWarnings("TooManyParameters") // a VM's parts
    private Vm(
            Machine machine,
            Ioapic ioapic,
            Pic pic,
            Apics apics,
            VmApicv apicv,
            Irqs irqs,
            VmTasks tasks,
            List<Ioapic> tables) {
        this.machine = machine;
        this.ioapic = ioapic;
        this.pic = pic;
        this.apics = apics;
        this.apicv = apicv;
        this.irqs = irqs;
        this.tasks = tasks;
        this.tables = tables;
    }

    /** A VM after creation; {@code identities} are those of the vCPUs' local APICs. */
    public static Vm created(Machine machine, Routing routing, ApicIdentity[] identities) {
        return new Vm(
                machine,
                Ioapic.reset(),
                Pic.reset(),
                Apics.of(machine, identities),
                VmApicv.of(machine),
                new Irqs(routing, 0, Irqfds.NONE, Pit.NONE, 0),
                VmTasks.NONE,
                List.of());
    }

    /** What a VM is told. */
    public sealed interface Message {}

    /** Who asked, and gets the answer. */
    public sealed interface Requester {}

    /** vCPU {@code vcpu}, which waits for it. */
    public record OfVcpu(int vcpu) implements Requester {}

    /** Device {@code device}. */
    public record OfDevice(int device) implements Requester {}

    /** The VMM process. */
    public enum OfUserspace implements Requester {
        USERSPACE
    }

    /** Whether the caller wants to know what became of the interrupt: KVM_IRQ_LINE_STATUS or KVM_IRQ_LINE. */
    public enum LineStatus {
        WANTED,
        UNWANTED
    }

    /** What carries work on: the next step of task {@code task}, or an answer to its last one. */
    private sealed interface OfTask extends Message {
        int task();
    }

    private record Continue(int task) implements OfTask {}

    /** A guest's read of 1 to 8 bytes at {@code address} in the IOAPIC's window. */
    public record IoapicRead(int vcpu, long address, int size) implements Message {}

    /** A guest's write of 1 to 8 bytes at {@code address} in the IOAPIC's window. */
    public record IoapicWrite(int vcpu, long address, int size, long value) implements Message {}

    /** A guest's selection of register {@code index} and write to it, under the guest's own lock. */
    public record IoapicRegisterWrite(int vcpu, int index, int value) implements Message {}

    /** A guest's selection of register {@code index} and read of it, under the guest's own lock. */
    public record IoapicRegisterRead(int vcpu, int index) implements Message {}

    /** A guest's byte from the PIC. */
    public record PortRead(int vcpu, int port) implements Message {}

    /** A guest's byte to the PIC. */
    public record PortWrite(int vcpu, int port, int value) implements Message {}

    /** A vCPU scans the redirection table. */
    public record ReadTable(int vcpu) implements Message {}

    /** A vCPU's EOI of a vector that the IOAPIC handles. */
    public record EoiBroadcast(int vcpu, int vector, TriggerMode trigger, boolean suppressed) implements Message {}

    /** A vCPU's IPI. */
    public record SendIpi(int vcpu, InterruptMessage message) implements Message {}

    /** A vCPU's local APIC is addressed differently from now on. */
    public record ChangeIdentity(ApicIdentity identity) implements Message {}

    /** A vCPU's local APIC has changed in a way that the APIC map does not depend on. */
    public record ShowIdentity(ApicIdentity identity) implements Message {}

    /** A vCPU's whole local APIC state was replaced by user space. */
    public record RestoreApic(ApicIdentity identity) implements Message {}

    /** A vCPU serves KVM_REQ_APICV_UPDATE: it wants {@code apicv_update_lock} for reading. */
    public record ReadInhibits(int vcpu) implements Message {}

    /** A vCPU has served KVM_REQ_APICV_UPDATE: it releases {@code apicv_update_lock}. */
    public record InhibitsServed(int vcpu) implements Message {}

    /** A vCPU's enabled local APIC is at an address other than that after reset. */
    public record MoveApicPage(ApicIdentity identity, MapChange map) implements Message {}

    /** Whether the APIC map has to be built anew. */
    public enum MapChange {
        REBUILD,
        KEEP
    }

    /** A debugger begins or ceases to hold a vCPU's interrupts back. */
    public record BlockIrq(int vcpu, ApicvInhibit.Change change) implements Message {}

    /** A vCPU's SynIC has its first vector with AutoEOI, or has none any more. */
    public record UseAutoEoi(int vcpu, ApicvInhibit.Change change) implements Message {}

    /** Source {@code sint} of {@code vcpu}'s SynIC interrupts; {@code kvm_hv_synic_set_irq}. */
    public record SignalSint(Requester requester, int vcpu, int sint) implements Message {}

    /** A vCPU has ended what these sources of its SynIC sent. */
    public record AckSints(int vcpu, List<Integer> sints) implements Message {
        public AckSints {
            sints = List.copyOf(sints);
        }
    }

    /** A vCPU takes the PIC's interrupt. */
    public record AcknowledgePic(int vcpu) implements Message {}

    /** A GSI's level from a source. */
    public record SetIrqLine(Requester requester, int gsi, int source, int level, LineStatus status)
            implements Message {}

    /** KVM_SIGNAL_MSI. */
    public record SignalMsi(Requester requester, long address, int data) implements Message {}

    /** KVM_SET_GSI_ROUTING. */
    public record SetRouting(Routing routing) implements Message {}

    /** A device is assigned to the VM, or is not any more: KVM_DEV_VFIO_FILE_ADD and KVM_DEV_VFIO_FILE_DEL. */
    public record AssignDevice(Requester requester, Vcpu.Assignment change) implements Message {}

    /** A vCPU that is being created reads the inhibits, without a lock. */
    public record SampleInhibits(int vcpu) implements Message {}

    /** A vCPU that has been created is one of the VM's from now on. */
    public record AddVcpu(ApicIdentity identity) implements Message {}

    /** KVM_IRQFD. */
    public record AssignIrqfd(Requester requester, Irqfds.Irqfd irqfd) implements Message {
        /** On behalf of the VMM. */
        public AssignIrqfd(Irqfds.Irqfd irqfd) {
            this(OfUserspace.USERSPACE, irqfd);
        }
    }

    /** KVM_IRQFD with the deassign flag. */
    public record DeassignIrqfd(int id) implements Message {}

    /** Something was written to an irqfd. */
    public record FireIrqfd(int id) implements Message {}

    /** The timer behind the in-kernel PIT has expired. */
    public record PitTick(Requester requester) implements Message {}

    /** KVM_REINJECT_CONTROL. */
    public record SetReinject(Pit.Mode mode) implements Message {}

    /** The work item of the in-kernel PIT runs. */
    enum PitWork implements Message {
        PIT_WORK
    }

    /** KVM_SET_IRQCHIP of the IOAPIC. */
    public record SetIoapic(Requester requester, IoapicState state) implements Message {
        /** For the VMM itself. */
        public SetIoapic(IoapicState state) {
            this(OfUserspace.USERSPACE, state);
        }
    }

    /** KVM_GET_IRQCHIP of the IOAPIC, which the VMM does for {@code device}. */
    public record SaveIoapic(int device) implements Message {}

    /** Asks for the whole state, as KVM_GET_IRQCHIP does. */
    public enum GetState implements Message {
        GET_STATE
    }

    /** Compares every bitmap with a fresh scan, and looks for level pins that no EOI will end. */
    public enum Audit implements Message {
        AUDIT
    }

    /** The delayed work of an EOI storm is due. */
    public enum EoiInjectDue implements Message {
        EOI_INJECT_DUE
    }

    /** The oldest write of the redirection table that scans do not see is visible from now on. */
    public enum TableVisible implements Message, Wire.Message {
        TABLE_VISIBLE;

        @Override
        public void arrive(int vcpu, Port port) {
            port.toVm(this);
        }
    }

    /** Answer: a local APIC took or discarded an interrupt. */
    public record Accepted(
            int task, boolean accepted, @Nullable VcpuRequest request) implements OfTask {}

    /** Answer: a local APIC took an interrupt, which the sender has to post to it. */
    public record AcceptedToPost(int task) implements OfTask {}

    /** A vCPU in L2 took an interrupt that L1 notifies it by. */
    public record AcceptedForNested(int task) implements OfTask {}

    /** Answer: the mode in which a requester found a vCPU. */
    public record ModeFound(int task, VcpuMode mode, boolean woken) implements OfTask {}

    /** Answer: a vCPU's processor took the requester's IPI. */
    public record IpiAcknowledged(int task) implements OfTask {}

    /** Answer: the vectors that are requested or in service in a local APIC. */
    public record VectorsHeld(int task, VectorBitmap vectors) implements OfTask {}

    /** Answer: the entries of user space's IOAPIC, by pin. */
    public record IoapicShown(int task, List<RedirectionEntry> entries) implements OfTask {
        public IoapicShown {
            entries = List.copyOf(entries);
        }
    }

    /** Answer: a number, 1 and 0 for yes and no. */
    public record Reported(int task, long value) implements OfTask {}

    /** Reports what it is like before its first step, for those who see events only. */
    public void announce(Port port) {
        int pins = machine.isSplit() ? machine.irqchip().reservedPins() : -1;
        port.emit(new Event.VmCreated(machine.vcpuCount(), machine.protocol(), pins, machine.x2apicApi()));
        if (machine.isSplit()) {
            reportRouting(port);
        } else if (machine.hasIoapic()) {
            port.emit(new Event.IoapicTableSet(IoapicState.of(machine, ioapic).entries()));
            reportNotifiers(0, port);
            reportStorms(port);
        }
    }

    private void reportStorms(Port port) {
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            if (ioapic.successiveEois(pin) > 0) {
                port.emit(new Event.StormUnderWay(pin, ioapic.entry(pin), ioapic.successiveEois(pin)));
            }
        }
    }

    /** Reports the routing table that was published. */
    void reportRouting(Port port) {
        List<Routing.MsiRoute> pins =
                machine.isSplit() ? irqs.routing.ofPins(machine.irqchip().reservedPins()) : List.of();
        port.emit(new Event.GsiRoutingSet(irqs.published, irqs.routing.routes().size(), pins));
    }

    /** Reports the pins that have an ack notifier, where these are others than {@code before}. */
    Vm reportNotifiers(int before, Port port) {
        int pins = notifiedPins();
        if (pins != before) {
            port.emit(new Event.AckNotifiersChanged(pins));
        }
        return this;
    }

    /** With another state of pin 8's EOI tracking, which is reported where it differs. */
    Vm with(RtcTracking tracking, Port port) {
        if (!tracking.equals(ioapic.rtc())) {
            port.emit(new Event.RtcTracked(tracking));
        }
        return with(ioapic.withRtc(tracking));
    }

    /** The next state; what has to happen elsewhere goes to {@code port}. */
    public Vm step(Message message, Port port) {
        if (message instanceof Continue c) {
            return advance(c.task, port);
        }
        if (message instanceof Accepted a) {
            return answered(a.task, new VmTask.Taken(a.accepted, a.request), port);
        }
        if (message instanceof AcceptedForNested a) {
            return answered(a.task, VmTask.ToPost.TO_NOTIFY_NESTED, port);
        }
        if (message instanceof AcceptedToPost a) {
            return answered(a.task, VmTask.ToPost.TO_POST, port);
        }
        if (message instanceof ModeFound m) {
            return answered(m.task, new VmTask.Found(m.mode, m.woken), port);
        }
        if (message instanceof Reported r) {
            return answered(r.task, new VmTask.Value(r.value), port);
        }
        if (message instanceof VectorsHeld h) {
            return answered(h.task, new VmTask.Held(h.vectors), port);
        }
        if (message instanceof IoapicShown s) {
            return answered(s.task, new VmTask.Shown(s.entries), port);
        }
        if (message instanceof IpiAcknowledged i) {
            return ipiAcknowledged(i.task, port);
        }
        if (message instanceof ReadTable r && (machine.isSplit() || tasks.lockOwner() == 0)) {
            port.emit(new Event.IoapicTableRead(r.vcpu));
            port.toVcpu(r.vcpu, new Vcpu.TableRead(scanTable()));
            return this;
        }
        if (message instanceof TableVisible) {
            return with(tables.subList(1, tables.size()));
        }
        if (message instanceof ReadInhibits r) {
            return with(apicv.readBy(r.vcpu, port));
        }
        if (message instanceof SampleInhibits s) {
            port.toVcpu(s.vcpu, new Vcpu.InhibitsSampled(apicv.inhibits().mask()));
            return this;
        }
        if (message instanceof InhibitsServed) {
            return unlockApicv(ApicvUpdateLock.Side.READER, port);
        }
        VmTasks started = tasks.start(VmCalls.first(message));
        return with(started).advance(started.started(), port);
    }

    /**
     * Whose thread does the work that {@code message} carries on; empty where it begins work, or a thread of the kernel's own
     * does it.
     */
    public Optional<Requester> requester(Message message) {
        return message instanceof OfTask of && tasks.isRunning(of.task())
                ? Optional.ofNullable(tasks.get(of.task()).requester())
                : Optional.empty();
    }

    private Vm answered(int id, VmTask.Answer answer, Port port) {
        VmTask task = tasks.get(id).withAnswer(answer).withWait(VmTask.Wait.NOTHING);
        return with(tasks.with(task)).advance(id, port);
    }

    /** A broadcast that does not wait as it should is over by then. */
    private Vm ipiAcknowledged(int id, Port port) {
        if (!tasks.isRunning(id)) {
            return this;
        }
        VmTask task = tasks.get(id);
        task = task.withIpisOwed(task.ipisOwed() - 1);
        if (task.ipisOwed() > 0 || task.awaits() != VmTask.Wait.IPIS) {
            return with(tasks.with(task));
        }
        return with(tasks.with(task.withWait(VmTask.Wait.NOTHING))).advance(id, port);
    }

    /** Runs the next step of a task, and sees to it that the one after that runs. */
    private Vm advance(int id, Port port) {
        VmTask task = tasks.get(id);
        VmTask.Rest rest = task.rest();
        if (rest == null) {
            return with(tasks.without(id));
        }
        VmTask popped = task.withRest(rest.next());
        Vm next = rest.first().run(with(tasks.with(popped)), popped, port);
        VmTask after = next.tasks.get(id);
        if (after.awaits() != VmTask.Wait.NOTHING) {
            return next;
        }
        if (after.rest() == null && after.ipisOwed() == 0) {
            return next.with(next.tasks.without(id));
        }
        port.toVm(new Continue(id));
        return next;
    }

    /** Takes {@code ioapic->lock} for the task, or lets it wait. */
    Vm lock(VmTask task) {
        if (tasks.lockOwner() == 0) {
            return with(tasks.withLock(task.id(), tasks.lockWaiters()));
        }
        List<Integer> waiters = new java.util.ArrayList<>(tasks.lockWaiters());
        waiters.add(task.id());
        return with(tasks.with(task.withWait(VmTask.Wait.LOCK)).withLock(tasks.lockOwner(), waiters));
    }

    /** Releases {@code ioapic->lock}, to the first task that waits for it. */
    Vm unlock(Port port) {
        List<Integer> waiters = tasks.lockWaiters();
        if (waiters.isEmpty()) {
            return with(tasks.withLock(0, waiters));
        }
        int next = waiters.get(0);
        VmTask awake = tasks.get(next).withWait(VmTask.Wait.NOTHING);
        port.toVm(new Continue(next));
        return with(tasks.with(awake).withLock(next, waiters.subList(1, waiters.size())));
    }

    /** Takes {@code apicv_update_lock} for writing, or lets the task wait. */
    Vm lockApicv(VmTask task) {
        ApicvUpdateLock lock = apicv.lock();
        ApicvUpdateLock.Holder writer = new ApicvUpdateLock.Holder(ApicvUpdateLock.Side.WRITER, task.id());
        return lock.isTaken(ApicvUpdateLock.Side.WRITER)
                ? with(apicv.with(lock.waitedForBy(writer))).with(task.withWait(VmTask.Wait.LOCK))
                : with(apicv.with(lock.heldBy(writer)));
    }

    /** Releases {@code apicv_update_lock}, to whoever has waited longest. */
    Vm unlockApicv(ApicvUpdateLock.Side side, Port port) {
        VmApicv.Released released = apicv.released(side, port);
        Vm next = with(released.apicv());
        if (released.writer() == 0) {
            return next;
        }
        port.toVm(new Continue(released.writer()));
        return next.with(tasks.get(released.writer()).withWait(VmTask.Wait.NOTHING));
    }

    /** What stays the same. */
    public Machine machine() {
        return machine;
    }

    /** The IOAPIC. */
    public Ioapic ioapic() {
        return ioapic;
    }

    Pic pic() {
        return pic;
    }

    /** Registers of a PIC chip as KVM_GET_IRQCHIP reports them: irr, imr, isr and base; {@code chip} 0 master, 1 slave. */
    public int[] picRegisters(int chip) {
        PicChip c = pic.chip(chip);
        return new int[] {c.irr(), c.imr(), c.isr(), c.irqBase()};
    }

    Apics apics() {
        return apics;
    }

    VmApicv apicv() {
        return apicv;
    }

    /** Why APICv is off for the VM, as vCPUs find it. */
    public ApicvInhibits inhibits() {
        return apicv.inhibits();
    }

    /** How many devices are assigned that were not from the start; {@code assigned_device_count}. */
    int assignedDevices() {
        return irqs.assigned;
    }

    Vm withAssignedDevices(int count) {
        return with(new Irqs(irqs.routing, irqs.published, irqs.irqfds, irqs.pit, count));
    }

    Pit pit() {
        return irqs.pit;
    }

    /** Where the GSIs lead. */
    public Routing routing() {
        return irqs.routing;
    }

    /** The irqfds. */
    public Irqfds irqfds() {
        return irqs.irqfds;
    }

    @Override
    public String toString() {
        return "Vm[" + ioapic + ", tasks=" + tasks.runningCount() + "]";
    }

    /** Whether no task is running. */
    public boolean isIdle() {
        return tasks.runningCount() == 0;
    }

    /** What a scan reads; with the IOAPIC in user space no lock guards it. */
    ScanTable scanTable() {
        return machine.isSplit()
                ? new ScanTable.OfRoutes(irqs.routing.ofPins(machine.irqchip().reservedPins()), irqs.published)
                : new ScanTable.OfIoapic(tables.isEmpty() ? ioapic : tables.get(0), notifiedPins());
    }

    /** How often what scans read has been changed. */
    int tableSequence() {
        return machine.isSplit() ? irqs.published : ioapic.writes();
    }

    /** How many routing tables have been published. */
    int routingsPublished() {
        return irqs.published;
    }

    /** The pins, as a bit mask, whose GSI has an ack notifier; {@code kvm_irq_has_notifier}. */
    int notifiedPins() {
        if (irqs.irqfds.assigned().isEmpty() && !irqs.pit.hasNotifier()) {
            return 0;
        }
        int pins = 0;
        for (int pin = 0; pin < Ioapic.PINS; pin++) {
            int gsi = irqs.routing.gsiOf(Event.IrqChip.IOAPIC, pin);
            pins |= gsi >= 0 && hasAckNotifier(gsi) ? 1 << pin : 0;
        }
        return pins;
    }

    VmTasks tasks() {
        return tasks;
    }

    private boolean hasAckNotifier(int gsi) {
        return irqs.irqfds.hasResampler(gsi) || gsi == Pit.GSI && irqs.pit.hasNotifier();
    }

    /** The table as it is stays what scans see, until {@link TableVisible} comes for the write that follows. */
    Vm withTableHeld() {
        List<Ioapic> more = new java.util.ArrayList<>(tables);
        more.add(ioapic);
        return with(more);
    }

    private Vm with(List<Ioapic> other) {
        return new Vm(machine, ioapic, pic, apics, apicv, irqs, tasks, List.copyOf(other));
    }

    Vm with(VmTasks other) {
        return new Vm(machine, ioapic, pic, apics, apicv, irqs, other, tables);
    }

    Vm with(VmTask task) {
        return with(tasks.with(task));
    }

    /** This VM with another IOAPIC, for a machine that starts with entries. */
    public Vm with(Ioapic other) {
        return new Vm(machine, other, pic, apics, apicv, irqs, tasks, tables);
    }

    Vm with(Pic other) {
        return new Vm(machine, ioapic, other, apics, apicv, irqs, tasks, tables);
    }

    Vm with(Apics other) {
        return new Vm(machine, ioapic, pic, other, apicv, irqs, tasks, tables);
    }

    Vm with(VmApicv other) {
        return new Vm(machine, ioapic, pic, apics, other, irqs, tasks, tables);
    }

    /** With another routing table, which is published at once: {@code rcu_assign_pointer}. */
    Vm with(Routing other) {
        return with(new Irqs(other, irqs.published + 1, irqs.irqfds, irqs.pit, irqs.assigned));
    }

    Vm with(Irqfds other) {
        return with(new Irqs(irqs.routing, irqs.published, other, irqs.pit, irqs.assigned));
    }

    /** This VM with a PIT, for a machine that starts with one. */
    public Vm with(Pit other) {
        return with(new Irqs(irqs.routing, irqs.published, irqs.irqfds, other, irqs.assigned));
    }

    private Vm with(Irqs other) {
        return new Vm(machine, ioapic, pic, apics, apicv, other, tasks, tables);
    }
}
