package org.vcpusim.check;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.DestinationMode;
import org.vcpusim.arch.DestinationShorthand;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.ApicIdentity;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.Routing;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * A message of a pin, a device or a vCPU reaches every local APIC that it is for, once, and no other; of one that is for the least
 * busy of several exactly one of them, which its vector chooses.
 *
 * <p>Models {@code kvm_irq_delivery_to_apic} and its optimised map, arch/x86/kvm/irq.c and lapic.c, by what the SDM says of
 * destinations, volume 3, "Determining IPI Destination". Local APICs that are disabled by software need not be reached, and while one
 * changes how it is addressed either address counts. What the host handles for a vCPU is no message of these; an edge that nobody
 * has sent may be one of a SynIC, and is judged only while the same message is on its way.
 *
 * <p>Who is least busy is not looked for: {@link VectorHashing} says who gets it. While a local APIC changes how it is addressed anybody
 * may, or nobody.
 */
public final class AddressedAreReached extends Invariant {
    private static final int TRIGGER = 1 << 15;
    private static final int LOGICAL = 1 << 11;
    private static final int MSI_LOGICAL = 1 << 2;
    private static final int MSI_HINT = 1 << 3;
    private static final int ALL_OF_8_BITS = 0xff;
    private static final int VECTOR = 0xff;
    private static final int MODE = 7;
    /**
     * Messages that have arrived and are still remembered, since somebody who need not be reached may follow: so many, and some for
     * each vCPU, all of which may send while a vCPU is created that an earlier message is for.
     */
    private static final int MOST_DONE = 64;

    private static final int MOST_DONE_OF_ONE = 4;

    private final ObservedMachine machine;
    private final VectorHashing hashing;
    private final ByVcpu<OfHost> ofHost = new ByVcpu<>(OfHost::new);

    private final List<Sent> open = new ArrayList<>(4);
    private final List<Sent> done = new ArrayList<>(4);

    /** The vector of what the host has handled for a vCPU and KVM has not delivered yet. */
    private static final class OfHost {
        private int vector = ObservedVcpu.NONE;
    }

    /** A message, and who is to be reached by it. */
    private static final class Sent {
        private final TraceRecord record;
        private final DeliveryMode mode;
        private final TriggerMode trigger;
        private final int vector;
        /** Whom it is for, where only one local APIC of those is to be reached, else null. */
        private final VectorHashing.@Nullable Destination oneOf;

        private final BitSet allowed = new BitSet();
        private final BitSet required = new BitSet();

        @SuppressWarnings("TooManyParameters") // the message
        Sent(
                TraceRecord record,
                DeliveryMode mode,
                TriggerMode trigger,
                int vector,
                VectorHashing.@Nullable Destination oneOf) {
            this.record = record;
            this.mode = mode;
            this.trigger = trigger;
            this.vector = vector;
            this.oneOf = oneOf;
        }

        boolean isForOne() {
            return oneOf != null;
        }

        boolean is(Event.InterruptAccepted accepted) {
            return vector == accepted.vector() && mode == accepted.deliveryMode() && trigger == accepted.triggerMode();
        }

        /** Only {@code vcpu} is to be reached, or nobody. */
        void choose(int vcpu) {
            required.clear();
            allowed.clear();
            if (vcpu != VectorHashing.NOBODY) {
                required.set(vcpu);
                allowed.set(vcpu);
            }
        }

        /** The message has reached {@code vcpu}. */
        void reached(int vcpu) {
            if (isForOne()) {
                allowed.clear();
                required.clear();
            } else {
                allowed.clear(vcpu);
                required.clear(vcpu);
            }
        }
    }

    /** One that has seen nothing but what {@code machine} has. */
    AddressedAreReached(ObservedMachine machine) {
        super(
                "X8",
                "A message reaches every local APIC that it is for, once, and no other",
                Tracepoint.IOAPIC_SERVICE,
                Tracepoint.KVM_MSI_SET_IRQ,
                Tracepoint.KVM_APIC_IPI,
                Tracepoint.HOST_INTERRUPT_HANDLED,
                Tracepoint.KVM_APIC_ACCEPT_IRQ,
                Tracepoint.APIC_IDENTITY_CHANGED,
                Tracepoint.VCPU_AUDIT);
        this.machine = machine;
        hashing = new VectorHashing(machine);
    }

    @Override
    public List<Thing> looksAt() {
        return Thing.any(Kind.IDENTITY);
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (!machine.isKnown()) {
            return;
        }
        if (event instanceof Event.IoapicServiced serviced) {
            if (!machine.isSplit()) {
                served(serviced.entry(), record);
            }
        } else if (event instanceof Event.MsiSet msi) {
            msi(msi, record);
        } else if (event instanceof Event.ApicIpiSent ipi) {
            ipi(ipi, record);
        } else if (event instanceof Event.HostInterruptHandled handled) {
            ofHost.of(handled.vcpu()).vector = handled.vector();
        } else if (event instanceof Event.InterruptAccepted accepted) {
            if (!isOfHost(accepted)) {
                accepted(accepted, record);
            }
        } else if (event instanceof Event.ApicIdentityChanged changed) {
            loosen(changed.identity().vcpu());
        } else {
            atRest(record);
        }
    }

    /** The handler's message follows at once, and passes by those that are on their way. */
    private boolean isOfHost(Event.InterruptAccepted accepted) {
        OfHost host = ofHost.of(accepted.vcpu());
        boolean is = host.vector == accepted.vector();
        host.vector = ObservedVcpu.NONE;
        return is;
    }

    private void served(RedirectionEntry entry, TraceRecord record) {
        DeliveryMode mode = entry.deliveryMode();
        boolean lowest = mode == DeliveryMode.LOWEST_PRIORITY;
        boolean broadcast = isBroadcast(entry.destination(), entry.destinationMode());
        Sent sent = new Sent(
                record,
                lowest && broadcast ? DeliveryMode.FIXED : mode,
                entry.triggerMode(),
                entry.vector(),
                lowest && !broadcast ? oneOf(entry.destination(), entry.destinationMode(), machine.rule()) : null);
        send(
                sent,
                apic -> machine.rule().leadsTo(apic, entry),
                apic -> machine.isMisled(apic, entry.destination(), entry.destinationMode()));
    }

    private void msi(Event.MsiSet msi, TraceRecord record) {
        Routing.MsiRoute route = new Routing.MsiRoute(0, msi.address(), msi.data());
        DeliveryMode mode = DeliveryMode.ofCode(msi.data() >> 8 & MODE);
        boolean hint = (msi.address() & MSI_HINT) != 0;
        boolean lowest = mode == DeliveryMode.LOWEST_PRIORITY || hint;
        int destination = machine.rule().destinationOf(route);
        DestinationMode destinationMode = DestinationMode.ofBit(msi.address() & MSI_LOGICAL);
        boolean broadcast = isBroadcast(destination, destinationMode) && lowest;
        Sent sent = new Sent(
                record,
                broadcast ? DeliveryMode.FIXED : mode,
                TriggerMode.ofBit(msi.data() & TRIGGER),
                msi.data() & VECTOR,
                hint || lowest && !broadcast ? oneOf(destination, destinationMode, machine.rule()) : null);
        send(
                sent,
                apic -> machine.rule().leadsTo(apic, route),
                apic -> machine.isMisled(apic, destination, destinationMode));
    }

    /** The least busy of all is not looked for, unless an MSI's redirection hint asks for it. */
    private static boolean isBroadcast(int destination, DestinationMode mode) {
        return destination == ALL_OF_8_BITS && mode == DestinationMode.PHYSICAL;
    }

    private static VectorHashing.Destination oneOf(int id, DestinationMode mode, DestinationRule rule) {
        return oneOf(id, mode, DestinationShorthand.NONE, rule);
    }

    @SuppressWarnings("TooManyParameters") // a destination's
    private static VectorHashing.Destination oneOf(
            int id, DestinationMode mode, DestinationShorthand shorthand, DestinationRule rule) {
        boolean all = id == -1 || id == ALL_OF_8_BITS && !(rule.wideMessages() && !rule.broadcastQuirk());
        return new VectorHashing.Destination(id, mode, all || shorthand != DestinationShorthand.NONE);
    }

    private void ipi(Event.ApicIpiSent ipi, TraceRecord record) {
        int low = ipi.icrLow();
        DeliveryMode mode = DeliveryMode.ofCode(low >> 8 & MODE);
        DestinationMode destinationMode = DestinationMode.ofBit(low & LOGICAL);
        DestinationShorthand shorthand = DestinationShorthand.ofCode(low >> 18 & 3);
        boolean lowest = mode == DeliveryMode.LOWEST_PRIORITY;
        boolean broadcast = isBroadcast(ipi.destination(), destinationMode) && shorthand != DestinationShorthand.SELF;
        ApicIdentity sender = machine.vcpu(ipi.vcpu()).identity;
        boolean wide = sender != null && sender.x2apic();
        DestinationRule rule = wide ? new DestinationRule(false, true) : machine.rule();
        Sent sent = new Sent(
                record,
                lowest && broadcast ? DeliveryMode.FIXED : mode,
                TriggerMode.ofBit(low & TRIGGER),
                low & VECTOR,
                lowest && !broadcast ? oneOf(ipi.destination(), destinationMode, shorthand, rule) : null);
        send(
                sent,
                apic -> switch (shorthand) {
                    case NONE -> rule.leadsTo(apic, ipi.destination(), destinationMode);
                    case SELF -> apic.vcpu() == ipi.vcpu();
                    case ALL -> apic.present();
                    case ALL_BUT_SELF -> apic.present() && apic.vcpu() != ipi.vcpu();
                },
                apic -> shorthand == DestinationShorthand.NONE
                        && machine.isMisled(apic, ipi.destination(), destinationMode));
    }

    /** Those who are {@code meant} have to be reached; those to whom the map takes the message by mistake may be. */
    private void send(Sent sent, Predicate<ApicIdentity> meant, Predicate<ApicIdentity> misled) {
        Predicate<ApicIdentity> may = meant.or(misled);
        for (ObservedVcpu v : machine.vcpus()) {
            ApicIdentity now = v.identity;
            ApicIdentity before = v.previousIdentity;
            boolean means = now != null && meant.test(now);
            if (means && before == null && v.accepts()) {
                sent.required.set(v.index);
            }
            if (now == null || means || may.test(now) || before != null && may.test(before)) {
                sent.allowed.set(v.index);
            }
        }
        VectorHashing.Destination oneOf = sent.oneOf;
        if (oneOf != null) {
            int chosen = hashing.chosen(sent.vector, oneOf, sent.required);
            if (chosen == VectorHashing.UNKNOWN) {
                sent.required.clear();
            } else {
                sent.choose(chosen);
            }
        }
        (sent.required.isEmpty() ? done : open).add(sent);
        if (done.size() > MOST_DONE + MOST_DONE_OF_ONE * machine.vcpus().size()) {
            done.remove(0);
        }
    }

    private void accepted(Event.InterruptAccepted accepted, TraceRecord record) {
        int position = position(accepted);
        if (position >= 0) {
            reached(open.get(position), position, accepted.vcpu());
            return;
        }
        for (Sent sent : done) {
            if (sent.is(accepted) && sent.allowed.get(accepted.vcpu())) {
                sent.reached(accepted.vcpu());
                return;
            }
        }
        boolean underWay = open.stream().anyMatch(sent -> sent.is(accepted));
        boolean ofDevice = accepted.deliveryMode() == DeliveryMode.FIXED
                && accepted.triggerMode() == TriggerMode.EDGE
                && !underWay;
        if (!ofDevice && !machine.vcpu(accepted.vcpu()).synic.get(accepted.vector())) {
            violated(
                    record,
                    "vcpu" + accepted.vcpu() + " was given vector " + Vectors.hex(accepted.vector())
                            + ", which nobody sent to it",
                    accepted.deliveryMode() + " " + accepted.triggerMode());
        }
    }

    /** The message on its way that has to reach the vCPU, else one that may, or -1. */
    private int position(Event.InterruptAccepted accepted) {
        int may = -1;
        for (int i = 0; i < open.size(); i++) {
            Sent sent = open.get(i);
            if (sent.is(accepted)) {
                if (sent.required.get(accepted.vcpu())) {
                    return i;
                }
                may = may < 0 && sent.allowed.get(accepted.vcpu()) ? i : may;
            }
        }
        return may;
    }

    private void reached(Sent sent, int position, int vcpu) {
        sent.reached(vcpu);
        if (sent.required.isEmpty()) {
            open.remove(position);
            done.add(sent);
        }
    }

    /** How {@code vcpu} is addressed changes: what is on its way may still reach it, or not. */
    private void loosen(int vcpu) {
        for (int i = open.size() - 1; i >= 0; i--) {
            Sent sent = open.get(i);
            if (sent.isForOne()) {
                sent.required.clear();
            }
            sent.required.clear(vcpu);
            sent.allowed.set(vcpu);
            if (sent.required.isEmpty()) {
                done.add(open.remove(i));
            }
        }
    }

    private void atRest(TraceRecord record) {
        for (Sent sent : open) {
            violated(
                    record,
                    sent.record,
                    "a message for vector " + Vectors.hex(sent.vector) + " did not reach vcpu"
                            + sent.required.nextSetBit(0),
                    sent.mode + " " + sent.trigger);
        }
        open.clear();
    }
}
