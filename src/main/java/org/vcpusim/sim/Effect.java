package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.vcpusim.check.Thing;
import org.vcpusim.check.Thing.Kind;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;

/**
 * What an event does to the parts of the machine, as far as a story of it has to know.
 *
 * @param sets what is from now on as this event has made it, whatever it was before
 * @param changes what it changes, so that what was before counts too
 * @param reads what made it come out as it did
 */
record Effect(List<Thing> sets, List<Thing> changes, List<Thing> reads) {
    /** Of {@code event}, which {@code source} has recorded. */
    static Effect of(Source source, Event event) {
        Draft draft = new Draft();
        boolean known = requests(event, draft)
                || bitmaps(event, draft)
                || pins(event, draft)
                || vectors(event, draft)
                || registers(event, draft)
                || posting(event, draft)
                || threads(event, draft)
                || apicv(event, draft)
                || nested(event, draft);
        if (!known && source.kind() == Source.Kind.VCPU) {
            draft.changes(Thing.of(Kind.OTHER, source.index()));
        }
        return new Effect(List.copyOf(draft.sets), List.copyOf(draft.changes), List.copyOf(draft.reads));
    }

    /** Both, one behind the other. */
    Effect and(Effect other) {
        return new Effect(
                Thing.and(sets, other.sets), Thing.and(changes, other.changes), Thing.and(reads, other.reads));
    }

    /** Whether one changes what the other one changes or reads. */
    boolean meets(Effect other) {
        return Stream.concat(other.sets.stream(), other.changes.stream()).anyMatch(this::touches)
                || other.reads.stream().anyMatch(this::writes);
    }

    /** Whether it changes {@code thing} or reads it. */
    boolean touches(Thing thing) {
        return writes(thing) || reads.stream().anyMatch(thing::meets);
    }

    private boolean writes(Thing thing) {
        return Stream.concat(sets.stream(), changes.stream()).anyMatch(thing::meets);
    }

    /** The parts while they are put together. */
    private static final class Draft {
        private final List<Thing> sets = new ArrayList<>();
        private final List<Thing> changes = new ArrayList<>();
        private final List<Thing> reads = new ArrayList<>();

        boolean sets(Thing... things) {
            sets.addAll(List.of(things));
            return true;
        }

        boolean changes(Thing... things) {
            changes.addAll(List.of(things));
            return true;
        }

        Draft reads(Thing... things) {
            reads.addAll(List.of(things));
            return this;
        }

        boolean nothing() {
            return true;
        }
    }

    private static Thing vector(int vcpu, int vector) {
        return new Thing(Kind.VECTOR, vcpu, vector);
    }

    private static Thing sender(int vector) {
        return new Thing(Kind.SENDER, Thing.ANY, vector);
    }

    private static boolean requests(Event event, Draft d) {
        if (event instanceof Event.RequestMade e) {
            cause(e).ifPresent(d::reads);
            Thing bit = Thing.request(e.vcpu(), e.flow().request());
            return e.coalesced() ? d.changes(bit) : d.sets(bit);
        } else if (event instanceof Event.RequestSeen e) {
            Thing bit = Thing.request(e.vcpu(), e.flow().request());
            return d.reads(bit).sets(bit);
        } else if (event instanceof Event.RequestApplied) {
            return d.nothing(); // what it does has an event of its own
        } else if (event instanceof Event.IpiSent e) {
            boolean kicks = e.vector() == Event.HostVector.RESCHEDULE || e.vector() == Event.HostVector.CALL_FUNCTION;
            return d.reads(Thing.of(Kind.MODE, e.vcpu())).changes(Thing.of(kicks ? Kind.KICK : Kind.POSTED, e.vcpu()));
        } else if (event instanceof Event.IpiElided e) {
            return d.reads(Thing.of(Kind.MODE, e.vcpu())).changes(Thing.of(Kind.KICK, e.vcpu()));
        }
        return event instanceof Event.BroadcastCompleted e
                && d.reads(new Thing(Kind.REQUEST, Thing.ANY, e.request().ordinal()))
                        .nothing();
    }

    /** What a request is about. */
    private static Optional<Thing> cause(Event.RequestMade made) {
        return switch (made.flow().request()) {
            case SCAN_IOAPIC -> Optional.of(Thing.of(Kind.ENTRY, Thing.ANY));
            case LOAD_EOI_EXITMAP -> Optional.of(Thing.of(Kind.HANDLED, made.vcpu()));
            case APICV_UPDATE -> Optional.of(Thing.of(Kind.INHIBITS, Thing.ANY));
            default -> Optional.empty();
        };
    }

    private static boolean bitmaps(Event event, Draft d) {
        if (event instanceof Event.IoapicScanned e) {
            e.pending().vectors().forEach(vector -> d.reads(vector(e.vcpu(), vector)));
            return d.reads(
                            Thing.of(Kind.ENTRY, Thing.ANY),
                            Thing.of(Kind.ROUTING, Thing.ANY),
                            Thing.request(e.vcpu(), VcpuRequest.SCAN_IOAPIC))
                    .sets(Thing.of(Kind.HANDLED, e.vcpu()));
        } else if (event instanceof Event.EoiExitmapLoaded e) {
            return d.reads(
                            Thing.of(Kind.HANDLED, e.vcpu()),
                            Thing.of(Kind.SYNIC, e.vcpu()),
                            Thing.request(e.vcpu(), VcpuRequest.LOAD_EOI_EXITMAP))
                    .sets(Thing.of(Kind.BITMAP, e.vcpu()));
        } else if (event instanceof Event.EoiExitmapLoadSkipped e) {
            return d.reads(Thing.of(Kind.APICV, e.vcpu())).changes(Thing.of(Kind.BITMAP, e.vcpu()));
        } else if (event instanceof Event.EoiExitmapLoadDeferred e) {
            return d.reads(Thing.of(Kind.NESTED, e.vcpu())).changes(Thing.of(Kind.BITMAP, e.vcpu()));
        } else if (event instanceof Event.Vmcs02Prepared e) {
            return d.sets(Thing.of(Kind.BITMAP, e.vcpu()), Thing.of(Kind.NESTED, e.vcpu()));
        } else if (event instanceof Event.VmcsInitialised e) {
            return d.sets(Thing.of(Kind.BITMAP, e.vcpu()));
        } else if (event instanceof Event.EoiExitBitmapAudited e) {
            return d.reads(
                            Thing.of(Kind.BITMAP, e.vcpu()),
                            Thing.of(Kind.HANDLED, e.vcpu()),
                            Thing.of(Kind.ENTRY, Thing.ANY))
                    .nothing();
        }
        return event instanceof Event.SynicVectorsChanged e && d.changes(Thing.of(Kind.SYNIC, e.vcpu()));
    }

    private static boolean pins(Event event, Draft d) {
        if (event instanceof Event.RedirectionEntryWritten e) {
            return d.sets(Thing.of(Kind.ENTRY, e.pin())) && d.changes(Thing.of(Kind.LINE, e.pin()));
        } else if (event instanceof Event.IoapicIrqSet e) {
            return d.changes(Thing.of(Kind.LINE, e.pin()));
        } else if (event instanceof Event.IoapicServiced e) {
            return d.reads(Thing.of(Kind.ENTRY, e.pin())).sets(sender(e.entry().vector()))
                    && d.changes(Thing.of(Kind.LINE, e.pin()));
        } else if (event instanceof Event.RemoteIrrSet e) {
            return d.changes(
                    Thing.of(Kind.LINE, e.pin()), vector(Thing.ANY, e.entry().vector()));
        } else if (event instanceof Event.RemoteIrrCleared e) {
            return d.reads(vector(Thing.ANY, e.entry().vector())).changes(Thing.of(Kind.LINE, e.pin()));
        } else if (event instanceof Event.IrqAcknowledged e) {
            return d.changes(Thing.of(Kind.LINE, e.pin()));
        } else if (event instanceof Event.LevelPinStuck e) {
            return d.reads(
                            Thing.of(Kind.LINE, e.pin()),
                            vector(Thing.ANY, e.entry().vector()))
                    .nothing();
        } else if (event instanceof Event.GsiRoutingSet) {
            return d.sets(Thing.of(Kind.ROUTING, Thing.ANY));
        } else if (event instanceof Event.RtcTracked || event instanceof Event.RtcEoiMissing) {
            return d.changes(Thing.of(Kind.RTC, Thing.ANY));
        }
        if (event instanceof Event.PicIrqSet) {
            return d.changes(Thing.of(Kind.PIC, Thing.ANY));
        }
        boolean ofAnyPin = event instanceof Event.IoapicEoiInjectDelayed
                || event instanceof Event.PitTicked
                || event instanceof Event.ResampleSignalled
                || event instanceof Event.StormUnderWay
                || event instanceof Event.IoapicStateSaved
                || event instanceof Event.IoapicStateRestored
                || event instanceof Event.AckNotifiersChanged
                || event instanceof Event.IoapicTableSet;
        return ofAnyPin && d.changes(Thing.of(Kind.LINE, Thing.ANY));
    }

    private static boolean vectors(Event event, Draft d) {
        if (event instanceof Event.InterruptAccepted e) {
            return d.reads(sender(e.vector())).changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.ApicvInterruptAccepted e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.MsiSet e) {
            return d.sets(sender(e.data() & 0xff));
        } else if (event instanceof Event.ApicIpiSent e) {
            return d.sets(sender(e.icrLow() & 0xff));
        } else if (event instanceof Event.InterruptInjected e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptTaken e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptPassedOver e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.EoiReceived e) {
            return d.reads(Thing.of(Kind.BITMAP, e.vcpu())).changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.EoiVirtualized e) {
            return d.reads(Thing.of(Kind.BITMAP, e.vcpu())).changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.EoiForwarded e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.IoapicEoiPended e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.IoapicEoiDropped e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.HvSynicIrqSet e) {
            return d.sets(sender(e.vector())) && d.changes(Thing.of(Kind.SYNIC, e.vcpu()));
        }
        return event instanceof Event.InterruptLost e
                && d.reads(
                                vector(e.vcpu(), e.vector()),
                                Thing.of(Kind.SLEEP, e.vcpu()),
                                Thing.of(Kind.POSTED, e.vcpu()),
                                Thing.request(e.vcpu(), VcpuRequest.EVENT))
                        .nothing();
    }

    /** What local APICs hold, where no other CPU or processor is about it. */
    private static boolean registers(Event event, Draft d) {
        if (event instanceof Event.InterruptRequested e) {
            return d.reads(sender(e.vector())).changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.IrrPendingRaised e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptAcknowledged e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptDiscarded e) {
            return d.reads(Thing.of(Kind.IDENTITY, e.vcpu())).changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptsHeldBack e) {
            return d.changes(vector(e.vcpu(), e.requested()));
        } else if (event instanceof Event.HostInterruptHandled e) {
            return d.sets(sender(e.vector()));
        } else if (event instanceof Event.LapicStateSet e) {
            return d.sets(vector(e.vcpu(), Thing.ANY));
        } else if (event instanceof Event.VcpuReset e) {
            return d.sets(vector(e.vcpu(), Thing.ANY), Thing.of(Kind.OTHER, e.vcpu()));
        } else if (event instanceof Event.ApicIdentityChanged e) {
            return d.sets(Thing.of(Kind.IDENTITY, e.identity().vcpu()));
        } else if (event instanceof Event.VcpuAudited e) {
            e.irr().or(e.pir()).vectors().forEach(vector -> d.reads(vector(e.vcpu(), vector)));
            return d.reads(Thing.of(Kind.SLEEP, e.vcpu()), Thing.of(Kind.POSTED, e.vcpu()))
                    .nothing();
        }
        return false;
    }

    private static boolean posting(Event event, Draft d) {
        if (event instanceof Event.PostedInterruptSet e) {
            return d.reads(sender(e.vector())).changes(vector(e.vcpu(), e.vector()), Thing.of(Kind.POSTED, e.vcpu()));
        } else if (event instanceof Event.NotificationRequested e) {
            return d.changes(Thing.of(Kind.POSTED, e.vcpu()));
        } else if (event instanceof Event.PostedInterruptTriggered e) {
            return d.reads(Thing.of(Kind.MODE, e.vcpu()), Thing.of(Kind.SLEEP, e.vcpu()))
                    .changes(Thing.of(Kind.KICK, e.vcpu()), Thing.of(Kind.POSTED, e.vcpu()));
        } else if (event instanceof Event.PostedInterruptsSynced e) {
            return d.changes(Thing.of(Kind.POSTED, e.vcpu()))
                    && e.taken().vectors().allMatch(vector -> d.changes(vector(e.vcpu(), vector)));
        } else if (event instanceof Event.VirtualInterruptDelivered e) {
            return d.changes(vector(e.vcpu(), e.vector()));
        } else if (event instanceof Event.InterruptStateLoaded e) {
            return d.changes(Thing.of(Kind.POSTED, e.vcpu()));
        } else if (event instanceof Event.NotificationHeld e) {
            return d.changes(Thing.of(Kind.POSTED, e.vcpu()), Thing.of(Kind.KICK, e.vcpu()));
        }
        return false;
    }

    private static boolean threads(Event event, Draft d) {
        if (event instanceof Event.GuestEntered e) {
            return d.sets(Thing.of(Kind.MODE, e.vcpu()));
        } else if (event instanceof Event.GuestExited e) {
            return d.sets(Thing.of(Kind.MODE, e.vcpu()));
        } else if (event instanceof Event.EntryCancelled e) {
            return d.sets(Thing.of(Kind.MODE, e.vcpu()));
        } else if (event instanceof Event.VcpuBlocked e) {
            return d.sets(Thing.of(Kind.SLEEP, e.vcpu()));
        } else if (event instanceof Event.VcpuWoken e) {
            return d.sets(Thing.of(Kind.SLEEP, e.vcpu()));
        } else if (event instanceof Event.VcpuScheduledIn e) {
            return d.sets(Thing.of(Kind.PLACE, e.vcpu()));
        } else if (event instanceof Event.VcpuScheduledOut e) {
            return d.sets(Thing.of(Kind.PLACE, e.vcpu()));
        } else if (event instanceof Event.SleeperFound e) {
            return d.changes(Thing.of(Kind.SLEEP, e.vcpu()));
        } else if (event instanceof Event.VcpuSignalled e) {
            return d.changes(Thing.of(Kind.SLEEP, e.vcpu()), Thing.of(Kind.KICK, e.vcpu()));
        } else if (event instanceof Event.ModeExchanged e) {
            return d.changes(Thing.of(Kind.MODE, e.vcpu()), Thing.of(Kind.KICK, e.vcpu()));
        } else if (event instanceof Event.ImmediateExitWanted e) {
            return d.changes(Thing.of(Kind.KICK, e.vcpu()));
        } else if (event instanceof Event.UserspaceExited e) {
            return d.changes(Thing.of(Kind.OTHER, e.vcpu()));
        }
        return false;
    }

    private static boolean apicv(Event event, Draft d) {
        if (event instanceof Event.ApicvInhibitChanged) {
            return d.changes(Thing.of(Kind.INHIBITS, Thing.ANY));
        } else if (event instanceof Event.ApicvInhibitsStored) {
            return d.sets(Thing.of(Kind.INHIBITS, Thing.ANY));
        } else if (event instanceof Event.ApicvUpdated e && e.changed()) {
            return d.reads(Thing.of(Kind.INHIBITS, Thing.ANY), Thing.request(e.vcpu(), VcpuRequest.APICV_UPDATE))
                    .sets(Thing.of(Kind.APICV, e.vcpu()));
        } else if (event instanceof Event.ApicvUpdated) {
            return d.nothing();
        }
        return false;
    }

    private static boolean nested(Event event, Draft d) {
        if (event instanceof Event.NestedEntered e) {
            return d.sets(Thing.of(Kind.NESTED, e.vcpu()));
        } else if (event instanceof Event.NestedExitInjected e) {
            return d.sets(Thing.of(Kind.NESTED, e.vcpu()));
        } else if (event instanceof Event.NestedExited e) {
            return d.changes(Thing.of(Kind.OTHER, e.vcpu()));
        } else if (event instanceof Event.NestedInterrupted e) {
            return d.changes(Thing.of(Kind.OTHER, e.vcpu()));
        } else if (event instanceof Event.NestedInterruptPosted e) {
            return d.sets(sender(e.vector())) && d.changes(Thing.of(Kind.NESTED_POSTED, e.vcpu()));
        } else if (event instanceof Event.NestedNotificationNoted e) {
            return d.changes(Thing.of(Kind.NESTED_POSTED, e.vcpu()));
        } else if (event instanceof Event.NestedNotificationTriggered e) {
            return d.reads(Thing.of(Kind.MODE, e.vcpu()))
                    .changes(Thing.of(Kind.NESTED_POSTED, e.vcpu()), Thing.of(Kind.KICK, e.vcpu()));
        } else if (event instanceof Event.NestedInterruptsSynced e) {
            return d.changes(Thing.of(Kind.NESTED_POSTED, e.vcpu()));
        } else if (event instanceof Event.NestedPostingLoaded e) {
            return d.changes(Thing.of(Kind.NESTED_POSTED, e.vcpu()));
        }
        return false;
    }
}
