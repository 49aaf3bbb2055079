"""syncd as a service of the machine: started at login and after a crash, and watched.

    place     what is installed for a store: its name, its command, its mark in a file
    systemd   a user unit: Linux with a user manager
    launchd   a launch agent: macOS
    cron      a line that delivers what is there every few minutes: clusters without services
    kinds     which of them this machine has; installing and removing
    notify    what the running daemon tells systemd

Each store has a service of its own, named by the store's id. What is installed bears a mark with
the store in it; a file without one is somebody else's and is never touched. No secret is in it.
"""
