package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * Where each GSI leads. Source: {@code struct kvm_irq_routing_table}, {@code setup_routing_entry}, virt/kvm/irqchip.c.
 *
 * @param routes in the order in which they were added
 */
public record Routing(List<Route> routes) {
    /** No GSI leads anywhere. */
    public static final Routing NONE = new Routing(List.of());

    /** Highest GSI that can be routed. */
    public static final int MAX_GSI = 4095;

    private static final int PIC_INPUTS = 16;
    private static final int PIC_CHIP_INPUTS = 8;

    public Routing {
        routes = List.copyOf(routes);
    }

    /** One way out of a GSI. */
    public sealed interface Route {
        /** The GSI, 0 to {@link #MAX_GSI}. */
        int gsi();
    }

    /** To {@code pin} of an interrupt controller in the kernel. */
    public record ChipRoute(int gsi, Event.IrqChip chip, int pin) implements Route {}

    /** To an MSI. */
    public record MsiRoute(int gsi, long address, int data) implements Route {}

    /** To source {@code sint} of a vCPU's SynIC. */
    public record SintRoute(int gsi, int vcpu, int sint) implements Route {}

    /** Tables that machines start with. */
    public enum Preset {
        /** GSI n to IOAPIC pin n, nothing else. */
        IOAPIC,
        /** What KVM_CREATE_IRQCHIP sets up: also GSI 0 to 15 to the PIC's inputs. */
        DEFAULT,
        /** A PC's: GSI 0 to pin 2 and input 0, GSI 2 nowhere, other n to pin n, below 16 to input n too. */
        PCAT
    }

    /** The table of {@code preset}. */
    public static Routing of(Preset preset) {
        List<Route> routes = new ArrayList<>();
        for (int gsi = 0; gsi < Ioapic.PINS; gsi++) {
            boolean pcat = preset == Preset.PCAT;
            if (pcat && gsi == 2) {
                continue;
            }
            if (preset != Preset.IOAPIC && gsi < PIC_INPUTS) {
                routes.add(new ChipRoute(gsi, chipOfInput(gsi), gsi % PIC_CHIP_INPUTS));
            }
            routes.add(new ChipRoute(gsi, Event.IrqChip.IOAPIC, pcat && gsi == 0 ? 2 : gsi));
        }
        return new Routing(routes);
    }

    /** The PIC chip of input 0 to 15. */
    public static Event.IrqChip chipOfInput(int input) {
        return input < PIC_CHIP_INPUTS ? Event.IrqChip.PIC_MASTER : Event.IrqChip.PIC_SLAVE;
    }

    /** The routes of {@code gsi}, in the order in which an interrupt takes them. */
    public List<Route> of(int gsi) {
        return routes.stream().filter(route -> route.gsi() == gsi).toList();
    }

    /** The MSI routes of GSIs 0 to {@code count} - 1: those that stand for pins of an IOAPIC in user space. */
    public List<MsiRoute> ofPins(int count) {
        List<MsiRoute> found = new ArrayList<>();
        for (Route route : routes) {
            if (route instanceof MsiRoute msi && msi.gsi < count) {
                found.add(msi);
            }
        }
        return found;
    }

    /** The GSI that leads to a pin, the last added where there are several; -1 where none does. */
    public int gsiOf(Event.IrqChip chip, int pin) {
        int gsi = -1;
        for (Route route : routes) {
            if (route instanceof ChipRoute c && c.chip == chip && c.pin == pin) {
                gsi = c.gsi;
            }
        }
        return gsi;
    }

    /** The GSI that leads to a source of a SynIC, the last added where there are several; -1 where none does. */
    public int gsiOfSint(int vcpu, int sint) {
        int gsi = -1;
        for (Route route : routes) {
            if (route instanceof SintRoute s && s.vcpu == vcpu && s.sint == sint) {
                gsi = s.gsi;
            }
        }
        return gsi;
    }

    /** Whether the kernel takes this table: KVM_SET_GSI_ROUTING fails with EINVAL otherwise. */
    public boolean isValid(Machine machine) {
        for (int i = 0; i < routes.size(); i++) {
            Route route = routes.get(i);
            if (!isPossible(machine, route)) {
                return false;
            }
            for (Route earlier : routes.subList(0, i)) {
                if (earlier.gsi() == route.gsi() && !canShare(earlier, route)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean isPossible(Machine machine, Route route) {
        if (route.gsi() < 0 || route.gsi() > MAX_GSI) {
            return false;
        }
        if (route instanceof ChipRoute c) {
            if (machine.isSplit()) {
                return false;
            }
            int pins = c.chip == Event.IrqChip.IOAPIC ? Ioapic.PINS : PIC_CHIP_INPUTS;
            return c.pin >= 0 && c.pin < pins;
        }
        return !(route instanceof MsiRoute m && DeliverySteps.invalid(machine, m.address));
    }

    /** A GSI may lead to each chip once, and to an MSI or a SynIC only alone. */
    private static boolean canShare(Route a, Route b) {
        return a instanceof ChipRoute x && b instanceof ChipRoute y && x.chip != y.chip;
    }

    /** With one more route. */
    public Routing with(Route route) {
        List<Route> more = new ArrayList<>(routes);
        more.add(route);
        return new Routing(more);
    }

    /** Without any route of {@code gsi}. */
    public Routing without(int gsi) {
        return new Routing(routes.stream().filter(route -> route.gsi() != gsi).toList());
    }
}
